"""What is wrong with one row refuses that row: every reader gives the others bit by bit, and says why not this one."""

import io
import json
import struct

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds import files, objects
from pofx.kinds.csv_text import CsvText
from pofx.kinds.encoded_files import EncodedFiles
from pofx.kinds.item import Item
from pofx.kinds.json_items import JsonItems
from pofx.kinds.npy import NpyFile, encode_npy
from pofx.kinds.parquet_if_there import parse_parquet
from pofx.kinds.text_lines import TextLines
from pofx.rules.categories import UNKNOWN

NAMES, BAD, ODD, UNSEEN, N = ("temp", "flow", "state"), 3, 9, 14, 40
SPEC = bundle.RowSpec(
    columns=tuple(
        bundle.Column(name=name, minimum=0, maximum=1, categories=("ok", "bad") if name == "state" else ())
        for name in NAMES
    )
)
GOOD = [(20 + i * 7 % 40 / 10, 9 + i * 3 % 20 / 10, "bad" if i % 13 == 0 else "ok") for i in range(N)]
EXPECTED = np.array([[temp, flow, state == "bad"] for temp, flow, state in GOOD], np.float32)
CELL, MAUVE = "column 'flow': expected a number, got 'much'", "column 'state': unseen value 'mauve'"
ROWS = [*map(list, GOOD)]
ROWS[BAD], ROWS[ODD], ROWS[UNSEEN] = [21.5, "much", "ok"], [21.5, 9.5, "ok", 1], [21.5, 9.5, "mauve"]
SQUARE = [["", "", ""] if index == ODD else row for index, row in enumerate(ROWS)]  # where rows have one length


def frame(columns=object):
    found = pd.DataFrame(SQUARE, columns=NAMES, dtype=columns)
    found.loc[ODD] = None
    return found


def csv_file(folder):
    (folder / "t.csv").write_text("\n".join(",".join(map(str, row)) for row in (NAMES, *ROWS)))
    return folder / "t.csv"


def parquet_file(folder):
    frame(str).map(lambda cell: None if cell == "None" else cell).to_parquet(folder / "t.parquet")
    return folder / "t.parquet"


def sent_csv(folder, errors):
    return CsvText(csv_file(folder).read_bytes()).decode(SPEC, errors)


def sent_parquet(folder, errors):
    return parse_parquet(parquet_file(folder).read_bytes(), "keep").decode(SPEC, errors)


def kept_csv(folder, errors):
    return files.read(csv_file(folder), SPEC, errors=errors)


def kept_parquet(folder, errors):
    return files.read(parquet_file(folder), SPEC, extra="keep", errors=errors)


def in_blocks(folder, errors):
    return objects._one_after_the_other(
        [b.decoded for b in files.blocks(csv_file(folder), SPEC, rows=7, errors=errors)]
    )


def json_rows(folder, errors):
    items = [{"array": row} if len(row) > 3 else {"row": dict(zip(NAMES, row, strict=True))} for row in ROWS]
    return JsonItems([Item(**item) for item in json.loads(json.dumps(items))], 0).decode(SPEC, errors)


def a_frame(folder, errors):
    return objects.decoded(frame(), SPEC, errors=errors)


def mappings(folder, errors):
    given = [{"temp": 1.0} if len(row) > 3 else dict(zip(NAMES, row, strict=True)) for row in ROWS]
    return objects.decoded(given, SPEC, errors=errors)


READERS = [sent_csv, sent_parquet, kept_csv, kept_parquet, in_blocks, json_rows, a_frame, mappings]


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_gives_the_good_rows_and_the_reasons_of_the_others(reader, tmp_path):
    found = reader(tmp_path, "row")
    sound = found.faults.sound(N)
    assert np.flatnonzero(~sound).tolist() == [BAD, ODD, UNSEEN]
    np.testing.assert_array_equal(found.faults.without(found.array), EXPECTED[sound])
    assert found.faults.wrong[BAD] == CELL
    assert found.faults.wrong[ODD].startswith(
        ("expected 3 values, got 4", "column", "columns missing")
    )  # a table in columns has no row of another length
    assert found.faults.unseen == {UNSEEN: MAUVE}
    assert found.array[UNSEEN, 2] == UNKNOWN


@pytest.mark.parametrize("reader", READERS)
def test_without_errors_by_row_the_first_of_them_refuses_all(reader, tmp_path):
    with pytest.raises(RequestInvalid, match=r"(row|item) \d+|column 'temp': expected numbers, got"):
        reader(tmp_path, "refuse")


def test_the_columns_of_a_table_come_back_as_they_were_sent(tmp_path):
    for reader in (sent_csv, json_rows):
        cells = reader(tmp_path, "row").columns.cells()
        assert cells["state"][UNSEEN] == "mauve"
        assert {cells["state"][ODD], cells["state"][0]} <= {"", None, "bad"}


def test_numbers_that_are_none_and_codes_of_no_category_are_wrong_rows():
    array = np.array([[1, 2, 0], [np.nan, 2, 0], [1, np.inf, 0], [1, 2, 7], [1, 2, 1], [1, 2, UNKNOWN]])
    for found in (NpyFile.parse(encode_npy(array)).decode(SPEC, "row"), objects.decoded(array, SPEC, errors="row")):
        assert sorted(found.faults.wrong) == [1, 2, 3, 5]
        assert not found.faults.unseen
        assert "column 'state': expected the code of a category" in found.faults.wrong[3]


def test_a_wrong_cell_beside_an_unseen_category_is_a_wrong_row():
    for cells in ("much,1,mauve", "inf,1,mauve", ",1,mauve"):
        found = CsvText(f"temp,flow,state\n1,2,ok\n{cells}\n".encode()).decode(SPEC, "row")
        assert (list(found.faults.wrong), found.faults.unseen) == ([1], {})


def png(side=4):
    buffer = io.BytesIO()
    Image.fromarray(np.arange(side * side, dtype=np.uint8).reshape(side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def wav(samples, rate=800):
    data = np.arange(samples, dtype="<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI8sI16s4sI", b"RIFF", 36 + len(data), b"WAVEfmt ", 16, form, b"data", len(data)) + data


IMAGE, AUDIO = bundle.ImageSpec(height=4, width=4, channels=1), bundle.AudioSpec(rate_hz=800, length=6)
ENCODED = {
    "image": (IMAGE, ".png", [png(), b"no image", png(5), png()[:50], png()]),
    "audio": (AUDIO, ".wav", [wav(6), b"no sound", wav(6, 900), wav(6)[:-4], wav(5)]),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_a_file_that_cannot_be_read_costs_no_other_file(kind, tmp_path):
    spec, suffix, contents = ENCODED[kind]
    names = tuple(f"{place}{suffix}" for place in range(len(contents)))
    for name, content in zip(names, contents, strict=True):
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in names]
    alone = np.concatenate([EncodedFiles([contents[place]]).decode(spec).array for place in (0, 4)])
    for found in (
        EncodedFiles(contents, names=names).decode(spec, "row"),
        files.read(tmp_path, spec, errors="row"),
        objects.decoded(paths, spec, errors="row"),
    ):
        assert found.files == names
        assert sorted(found.faults.wrong) == [1, 2, 3]
        assert not any(name in words for name, words in zip(names, found.faults.wrong.values(), strict=False))
        np.testing.assert_array_equal(found.faults.without(found.array), alone)
    with pytest.raises(RequestInvalid, match="not a"):
        files.read(tmp_path, spec)


def test_a_line_that_is_no_text_costs_no_other_line(tmp_path):
    spec = bundle.TextSpec(alphabet="ab", length=3)
    (tmp_path / "t.txt").write_bytes(b"ab\nax\nabab\nb\n")
    codes = np.array([[1, 2, 0], [1, 3, 0], [1, 0, 2], [2, 0, 0]], np.uint8)
    for found, wrong in (
        (TextLines((tmp_path / "t.txt").read_bytes()).decode(spec, "row"), [1, 2]),
        (files.read(tmp_path / "t.txt", spec, errors="row"), [1, 2]),
        (objects.decoded(["ab", "ax", "abab", "b"], spec, errors="row"), [1, 2]),
        (NpyFile.parse(encode_npy(codes)).decode(spec, "row"), [1, 2]),
    ):
        assert sorted(found.faults.wrong) == wrong
        assert found.faults.without(found.array).tolist() == [[1, 2, 0], [2, 0, 0]]
