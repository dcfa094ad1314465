"""The same file holds the same items when a model is fitted to it, when it is scored from disk and when it is sent."""

import io
import struct

import numpy as np
import pandas as pd
import pytest

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds import files
from pofx.kinds.csv_text import CsvText
from pofx.kinds.encoded_files import EncodedFiles
from pofx.kinds.item import Item
from pofx.kinds.json_items import JsonItems
from pofx.kinds.parquet_if_there import parse_parquet
from pofx.kinds.text_lines import TextLines
from training.data import audio, table, text
from training.errors import DataError

CELLS = ["1", " 2.5 ", "-3e2", "+4", ".5", "1e400", "Infinity", "nan", "NA", "", " NA ", "null", "-1.#IND", "<NA>"]
OTHER_NOTATIONS = ["1_000", "0x10", "1,5"]
NO_NUMBERS = [*OTHER_NOTATIONS, "true", "red", "1e", "--1", "NAN."]
TOWNS = ["Rome", " Oslo", "Oslo ", "NA", "", "None", "None.", "2", "2.0", "true", "Ä b"]


def spec_of(dataset):
    columns = [
        bundle.Column(name=name, minimum=0, maximum=1, categories=dataset.categories_of(place))
        for place, name in enumerate(dataset.columns)
    ]
    return bundle.RowSpec(columns=tuple(columns), missing="marginalised")


def csv_of(columns):
    return pd.DataFrame(columns).to_csv(index=False).encode()


def parquet_of(columns):
    buffer = io.BytesIO()
    pd.DataFrame(columns).to_parquet(buffer)
    return buffer.getvalue()


def assert_read_alike(path, payload, dataset, spec):
    sent, on_disk = payload.decode(spec).array, files.read(path, spec, extra="keep").array
    np.testing.assert_array_equal(sent, dataset.x)
    np.testing.assert_array_equal(on_disk, dataset.x)
    assert sent.dtype == on_disk.dtype == dataset.x.dtype


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in ("1e400", "Infinity")])
def test_a_cell_is_the_same_number_or_missing_for_all(cell, tmp_path):
    content = csv_of({"a": ["7", cell, "8"], "b": [1, 2, 3]})
    (tmp_path / "t.csv").write_bytes(content)
    dataset = table.load(tmp_path / "t.csv", (), None)
    assert dataset.categories == ((), ())
    assert_read_alike(tmp_path / "t.csv", CsvText(content), dataset, spec_of(dataset))


@pytest.mark.parametrize("cell", ["1e400", "Infinity", *NO_NUMBERS])
def test_what_is_no_finite_number_for_one_is_none_for_any(cell, tmp_path):
    content = csv_of({"a": ["7", cell, "8"] * 10, "b": range(30)})
    (tmp_path / "t.csv").write_bytes(content)
    columns = [bundle.Column(name=name, minimum=0, maximum=1) for name in "ab"]
    with pytest.raises(RequestInvalid, match="column 'a': expected a"):
        CsvText(content).decode(bundle.RowSpec(columns=tuple(columns)))
    if cell in OTHER_NOTATIONS:
        with pytest.raises(DataError, match=f"column 'a': expected numbers like 1234.5, got {cell!r} in row 1;"):
            table.load(tmp_path / "t.csv", (), None)
        assert set(table.load(tmp_path / "t.csv", (), None, ("a",)).categories[0]) == {"7", "8", cell}
    elif cell in NO_NUMBERS:
        (categories, _) = table.load(tmp_path / "t.csv", (), None).categories
        assert set(categories) == {"7", "8", cell}
    else:
        with pytest.raises(DataError, match="infinite value in row 1, column a"):
            table.load(tmp_path / "t.csv", (), None)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_names_have_the_same_codes_for_all(form, tmp_path):
    columns = {"town": TOWNS * 5, "size": np.arange(5.0 * len(TOWNS)), "fresh": [True, False, None, True, False] * 11}
    content = csv_of(columns) if form == "csv" else parquet_of(columns)
    path = tmp_path / f"t.{form}"
    path.write_bytes(content)
    dataset = table.load(path, (), None)
    assert [bool(names) for names in dataset.categories] == [True, False, True]
    assert ("NA" in dataset.categories[0]) == (form == "parquet")
    payload = CsvText(content) if form == "csv" else parse_parquet(content, "refuse")
    assert_read_alike(path, payload, dataset, spec_of(dataset))


def test_whole_numbers_are_names_also_beside_missing_ones(tmp_path):
    columns = (bundle.Column(name="grade", minimum=0, maximum=1, categories=("2", "1")),)
    spec = bundle.RowSpec(columns=columns, missing="marginalised")
    for values in ([2, 1, 1], [2, None, 1]):
        content = parquet_of({"grade": values})
        (tmp_path / "t.parquet").write_bytes(content)
        expected = [[{2: 0, 1: 1, None: np.nan}[value]] for value in values]
        for found in (parse_parquet(content, "refuse").decode(spec), files.read(tmp_path / "t.parquet", spec)):
            np.testing.assert_array_equal(found.array, expected)


@pytest.mark.parametrize("true", ["true", "True", "TRUE", "1"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_true_and_false_are_read_in_any_spelling_by_all(true, form, tmp_path):
    """Whatever the model was fitted on, and as JSON too."""
    false = {"true": "false", "True": "False", "TRUE": "FALSE", "1": "0"}[true]
    columns = {"on": [true, false, "True", true, "fAlse"], "a": np.arange(5.0)}
    content = csv_of(columns) if form == "csv" else parquet_of(columns)
    path = tmp_path / f"t.{form}"
    path.write_bytes(content)
    dataset = table.load(path, (), None)
    assert dataset.categories == (("true", "false"), ())
    payload = CsvText(content) if form == "csv" else parse_parquet(content, "refuse")
    spec = spec_of(dataset)
    assert_read_alike(path, payload, dataset, spec)
    older = bundle.Column(name="on", minimum=0, maximum=1, categories=("False", "True"))
    assert (files.read(path, bundle.RowSpec(columns=(older, spec.columns[1]))).array[:, 0] == [1, 0, 1, 1, 0]).all()
    for value, code in ((true, 0), (True, 0), (False, 1), (1.0, 0)):
        items = [Item.model_validate({form: one}, strict=True) for form, one in _as_json(value)]
        assert JsonItems(items, 0).decode(spec).array[:, 0].tolist() == [code, code]


def _as_json(value):
    return (("row", {"on": value, "a": 2.0}), ("array", [value, 2.0]))


@pytest.mark.parametrize("categories", [("yes", "no"), ("1", "0"), ("true", "maybe")])
def test_other_words_than_true_and_false_are_names(categories):
    column = bundle.Column(name="on", minimum=0, maximum=1, categories=categories)
    with pytest.raises(RequestInvalid, match="no category 'TRUE'"):
        CsvText(b"on\nTRUE\n").decode(bundle.RowSpec(columns=(column,)))


def wav(samples, bits, channels, extensible=False):
    """A WAV file of samples given as bytes."""
    form = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else 1, channels, 800, 800 * channels * bits // 8, channels * bits // 8, bits
    )
    if extensible:
        form += struct.pack("<HHIH", 22, bits, 0, 1) + bytes.fromhex("000000001000800000aa00389b71")
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    body = b"WAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("frames", [5, 9])
def test_a_recording_has_the_same_samples_for_all(bits, channels, extensible, frames, tmp_path):
    content = wav(np.random.default_rng(bits).bytes(frames * channels * bits // 8), bits, channels, extensible)
    (tmp_path / "a.wav").write_bytes(content)
    dataset = audio.load(tmp_path, 9, None, "folder", None)
    spec = bundle.AudioSpec(rate_hz=dataset.rate_hz, length=9)
    assert_read_alike(tmp_path, EncodedFiles([content], "audio"), dataset, spec)


def test_a_longer_recording_of_ones_own_gives_its_beginning(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(np.arange(20, dtype="<i2").tobytes(), 16, 1))
    found = files.read(tmp_path, bundle.AudioSpec(rate_hz=800, length=9))
    assert found.array.tolist() == audio.load(tmp_path, 9, None, "folder", None).x.tolist() == [list(range(9))]
    assert found.notes == ("only its first 9 samples (0.01125 s) used",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_line_has_the_same_codes_for_all(encoding, tmp_path):
    content = "ab\r\nb\ncä b\n".encode(encoding)
    (tmp_path / "t.txt").write_bytes(content)
    dataset = text.load(tmp_path / "t.txt", 7, cut=False)
    spec = bundle.TextSpec(alphabet=dataset.alphabet, length=7)
    assert_read_alike(tmp_path / "t.txt", TextLines(content), dataset, spec)


def test_a_text_in_another_encoding_is_refused_in_the_same_words_by_all(tmp_path):
    content = b"ab\nc " + "온도\n".encode("cp949")
    (tmp_path / "t.txt").write_bytes(content)
    spec = bundle.TextSpec(alphabet=" abc", length=7)
    words = "not UTF-8 at byte 5, perhaps cp949"
    with pytest.raises(DataError, match=words):
        text.load(tmp_path / "t.txt", 7, cut=False)
    for read in (lambda: TextLines(content).decode(spec), lambda: files.read(tmp_path / "t.txt", spec)):
        with pytest.raises(RequestInvalid, match=words):
            read()
