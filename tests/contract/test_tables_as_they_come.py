"""Tables as programs and people write them: every reader takes the same rows and says the same, or refuses in words.

The readers are those of a fit, of files of one's own, and of what is sent.
"""

import io
import unicodedata

import numpy as np
import pandas as pd
import pytest

from pofx import bundle
from pofx.errors import PofxError
from pofx.kinds import files, objects
from pofx.kinds.csv_text import CsvText
from pofx.kinds.parquet_if_there import parse_parquet
from training.data import table
from training.errors import DataError

HEAD = "temp,flow,count,state"
ROWS = [f"{20 + i * 7 % 40 / 10},{9 + i * 3 % 20 / 10},{i % 9},{'bad' if i % 13 == 0 else 'ok'}" for i in range(60)]
NAMES = ("temp", "flow", "count", "state")
EXPECTED = np.array([[*map(float, row.split(",")[:3]), row.endswith("bad")] for row in ROWS], np.float32)
SPEC = bundle.RowSpec(
    columns=tuple(
        bundle.Column(name=name, minimum=0, maximum=1, categories=("ok", "bad") if name == "state" else ())
        for name in NAMES
    ),
    missing="marginalised",
)


def lines(*found):
    return ("\n".join(found) + "\n").encode()


def fitted(path):
    dataset = table.load(path, (), None)
    return dataset.x, dataset.notes, dataset.columns


def kept(path, spec=SPEC):
    found = files.read(path, spec, extra="keep")
    return found.array, found.notes


def sent(path, spec=SPEC):
    found = CsvText(path.read_bytes(), "keep").decode(spec)
    return found.array, found.notes


def in_blocks(path, spec=SPEC):
    found = list(files.blocks(path, spec, rows=7))
    return np.concatenate([block.decoded.array for block in found]), {note for b in found for note in b.decoded.notes}


READERS = [fitted, kept, sent, in_blocks]


def write(folder, content, name="t.csv"):
    (folder / name).write_bytes(content)
    return folder / name


NAMELESS = "not read, since they have no name: columns number 1"
EMPTY_COLUMN = "not read, since they are empty and have no name: 1 columns"
EMPTY_ROWS = "not read, since they are empty: 20 rows"
RESPELLED = "names read without space around them, in composed letters: 'flow', 'count', 'state'"
TAKEN = {
    "as it should be": (lines(HEAD, *ROWS), None),
    "row numbers": (lines("," + HEAD, *(f"{i},{row}" for i, row in enumerate(ROWS))), NAMELESS),
    "a comma at the end of every line": (lines(HEAD + ",", *(row + "," for row in ROWS)), EMPTY_COLUMN),
    "empty rows at the end": (lines(HEAD, *ROWS, *[",,,"] * 20), EMPTY_ROWS),
    "spaces after commas": (lines(HEAD.replace(",", ", "), *(row.replace(",", ", ") for row in ROWS)), RESPELLED),
    "a byte-order mark": (lines("\ufeff" + HEAD, *ROWS), None),
    "UTF-16": ("\n".join([HEAD, *ROWS]).encode("utf-16"), None),
    "UTF-16, big end first": (b"\xfe\xff" + "\n".join([HEAD, *ROWS]).encode("utf-16-be"), None),
    "carriage returns": ("\r".join([HEAD, *ROWS]).encode(), None),
    "full-width digits": (lines(HEAD, *(row.replace("2", "\uff12") for row in ROWS)), None),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", TAKEN)
def test_every_reader_takes_the_same_rows_and_says_what_it_does_not_read(reader, what, tmp_path):
    content, note = TAKEN[what]
    x, notes, *_ = reader(write(tmp_path, content))
    np.testing.assert_array_equal(x, EXPECTED)
    unread = [line for line in notes if not line.startswith("read as categories")]
    if reader is in_blocks and note == EMPTY_ROWS:
        assert unread == [EMPTY_ROWS]  # all of them follow the last block
    assert list(unread) == ([] if note is None else [note])


@pytest.mark.parametrize("what", TAKEN)
def test_a_body_has_at_most_as_many_rows_as_are_counted_before_it_is_read(what):
    assert CsvText(TAKEN[what][0]).count >= len(ROWS)


UNNAMED = r"line 1 has 1 name, line 2 has 4 values: is line 1 a title\? remove it"
REFUSED = {
    "a comma too many in the first row": (
        lines(HEAD, ROWS[0] + ",", *ROWS[1:]),
        "row 0: expected 4 values, got 5 in line 2; is there a comma too many",
    ),
    "a comma too many in every row": (lines(HEAD, *(row + "," for row in ROWS)), "row 0: expected 4 values, got 5"),
    "a comma too many in a later row": (
        lines(HEAD, *ROWS[:20], "", ",,,", ROWS[20] + ",", *ROWS[21:]),
        "row 20: expected 4 values, got 5 in line 24",
    ),
    "a name missing": (lines(HEAD, *(row + ",7" for row in ROWS)), "row 0: expected 4 values, got 5 in line 2$"),
    "all names missing but one": (lines("temp", *ROWS), UNNAMED),
    "a title": (lines("Pump report", HEAD, *ROWS), UNNAMED),
    "a title and commas": (lines("Pump report,,,", HEAD, *ROWS), UNNAMED),
    "a comment": (lines("# logger 3", HEAD, *ROWS), UNNAMED),
    "a separator for Excel": (lines("sep=,", HEAD, *ROWS), "line 1 is 'sep=', a note of Excel's and no header"),
    "another separator for Excel": (lines("sep=;", HEAD, *ROWS), "line 1 is 'sep=;', a note of Excel's"),
    "semicolons": (
        lines(*(line.replace(".", ",").replace(",", ";", 1) for line in ("a;b", "1;2"))),
        "columns separated by commas, got one column 'a;b', perhaps separated by semicolons; .* points in numbers",
    ),
    "tabs in UTF-16": ("a\tb\n1\t2\n".encode("utf-16"), "perhaps separated by tabs"),
    "units": (lines(HEAD, "°C,l/s,,", *ROWS), r"column 'temp': expected (a number|numbers, as .*), got '°C'"),
    "no rows": (lines(HEAD), "expected at least one item, got no row below the header line"),
    "no names": (lines(",,,", *ROWS), "expected a header line with the column names, got an empty line"),
    "numbers for names": (lines(*ROWS[:1], "1,2,3,4").replace(b"bad", b"5"), "expected a header line .* got numbers"),
    "a name twice": (lines("temp,temp ,count,state", *ROWS), "columns named twice: 'temp'; rename one"),
    "cp949": (lines("온도," + HEAD).decode().encode("cp949"), r"not UTF-8 at byte 0, perhaps cp949 \(Excel: save as"),
    "latin-1": (lines(HEAD, "1,2,3,caf\xe9").decode().encode("latin-1"), "not UTF-8 at byte 31; save it as UTF-8"),
    "UTF-16 without a mark": ("a,b\n1,2\n".encode("utf-16-le"), "a zero at byte 1: .* UTF-16 without a byte-order"),
    "a workbook": (b"PK\x03\x04" + bytes(40), "an Excel workbook .* save the table as 'CSV UTF-8'"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", REFUSED)
def test_every_reader_refuses_the_same_in_the_same_words(reader, what, tmp_path):
    content, words = REFUSED[what]
    with pytest.raises((DataError, PofxError), match=words):
        reader(write(tmp_path, content))


def parquet(frame, **options):
    buffer = io.BytesIO()
    frame.to_parquet(buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["t.parquet", "t.PARQUET", "t.pq", "t.csv", "t"])
def test_a_parquet_file_is_known_by_its_content(name, tmp_path):
    frame = pd.DataFrame({"temp": [1.5, 2.5, 3.5], "flow": [1, 2, 3], "count": [0, 1, 2], "state": ["ok", "ok", "bad"]})
    content = parquet(frame.iloc[[2, 0, 1]])  # with its row numbers
    path = write(tmp_path, content, name)
    dataset = table.load(path, (), None, ("state",))
    assert dataset.columns[:3] == NAMES[:3]
    assert dataset.notes[0] == "not read, since it is a number of the row: '__index_level_0__'"
    for found in (files.read(path, SPEC), parse_parquet(content, "refuse").decode(SPEC)):
        assert found.array[:, 0].tolist() == [3.5, 1.5, 2.5] == dataset.x[:, 0].tolist()
        assert found.notes == ("not read, since the model has no such columns: '__index_level_0__'",)


def test_a_parquet_file_that_is_sent_as_csv_is_told_from_it():
    content = parquet(pd.DataFrame({"temp": [1.0]}))
    with pytest.raises(PofxError, match=r"a Parquet file; .* send it as application/vnd\.apache\.parquet"):
        CsvText(content).decode(SPEC)


COMPOSED = "온도", "é", "불량", "정상"
FRAME = pd.DataFrame({COMPOSED[0]: np.arange(20.0), COMPOSED[1]: [COMPOSED[2 + i % 2] for i in range(20)]})


def decomposed(text):
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize("form", ["csv", "parquet", "frame", "rows"])
def test_names_in_parts_are_those_in_one_piece(form, tmp_path):
    assert decomposed(COMPOSED[0]) != COMPOSED[0]
    apart = FRAME.map(lambda cell: decomposed(cell) if isinstance(cell, str) else cell).rename(columns=decomposed)
    contents = {}
    for spelling, frame in (("one", FRAME), ("parts", apart)):
        contents[spelling] = frame.to_csv(index=False).encode() if form != "parquet" else parquet(frame, index=False)
    datasets = [table.load(write(tmp_path, content), (), None) for content in contents.values()]
    assert datasets[0].columns == datasets[1].columns == COMPOSED[:2]
    assert datasets[0].categories == datasets[1].categories == ((), COMPOSED[2:])
    np.testing.assert_array_equal(datasets[0].x, datasets[1].x)
    columns = zip(datasets[0].columns, datasets[0].categories, strict=True)
    spec = bundle.RowSpec(
        columns=tuple(bundle.Column(name=name, minimum=0, maximum=1, categories=names) for name, names in columns)
    )
    given = {"csv": tmp_path / "t.csv", "parquet": tmp_path / "t.csv", "frame": apart, "rows": apart.to_dict("records")}
    np.testing.assert_array_equal(objects.decoded(given[form], spec).array, datasets[0].x)
    assert table.load(tmp_path / "t.csv", (decomposed(COMPOSED[0]),), f" {decomposed(COMPOSED[1])}").label_names == (
        *sorted(COMPOSED[2:]),
    )


def numbers(count=60):
    return [(i * 37 % 11) + 2 for i in range(count)]


def column_b(folder, cells):
    text = "a,b\n" + "".join(f'{i / 7:.3f},"{cell}"\n' for i, cell in enumerate(cells))
    return write(folder, text.encode())


@pytest.mark.parametrize(
    "notation",
    [
        lambda v: f"{v * 1370:,}", lambda v: f"{v},5", lambda v: f"₩{v * 1000:,}", lambda v: f"{v * 5}%",
        lambda v: f"{v}_000", lambda v: f"0x{v:X}", lambda v: f"-$ {v}.25", lambda v: f"1.{v:03d},7",
    ],
)  # fmt: skip
def test_numbers_in_another_notation_are_no_categories(notation, tmp_path):
    cells = list(map(notation, numbers()))
    with pytest.raises(DataError, match=r"column 'b': expected numbers like 1234\.5, got ") as refused:
        table.load(column_b(tmp_path, cells), (), None)
    assert f"got {cells[0]!r} in row 0;" in str(refused.value)
    dataset = table.load(tmp_path / "t.csv", (), None, ("b",))
    assert set(dataset.categories[1]) == set(cells)


@pytest.mark.parametrize("many", [False, True])
def test_one_bad_cell_in_a_column_of_numbers_is_named_with_its_row(many, tmp_path):
    cells = ["error" if i == 7 else v + (i / 1000 if many else 0) for i, v in enumerate(numbers(200))]
    with pytest.raises(DataError, match=r"column 'b': expected numbers, as 99.5% .*, got 'error' in row 7;"):
        table.load(column_b(tmp_path, cells), (), None)


@pytest.mark.parametrize("times", [["2026-11-01", "2026-11-02"], ["00:00", "12:30:05"], ["1/2/26", "2026년 11월 3일"]])
def test_times_are_no_categories(times, tmp_path):
    with pytest.raises(DataError, match=f"column 'b': .* got times like {times[0]!r} in row 0;"):
        table.load(column_b(tmp_path, times * 30), (), None)


@pytest.mark.parametrize("names", [["1", "2", "3+"], ["A1", "B2", "7"], ["1 kg", "2 kg", "5 kg"], ["true", "false"]])
def test_names_that_hold_digits_stay_categories_and_are_listed(names, tmp_path):
    dataset = table.load(column_b(tmp_path, names * 20), (), None)
    assert set(dataset.categories[1]) == set(names)
    assert dataset.notes == (f"read as categories, with so many names: 'b' ({len(names)})",)


def test_a_text_of_a_column_that_is_left_out_is_said_but_not_for_the_card(tmp_path):
    dataset = table.load(column_b(tmp_path, [f"pump {i}" for i in range(60)]), (), None)
    assert dataset.columns == ("a",)
    assert dataset.notes == ("column 'b' is left out: it holds 'pump 0' for one",)
    assert "pump 0" not in "".join(dataset.left_out)


def test_a_column_of_times_in_parquet_is_left_out_and_named(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0], "when": pd.to_datetime(["2026-01-01", "2026-01-02"])})
    (line,) = table.load(write(tmp_path, parquet(frame), "t.parquet"), (), None).left_out
    assert line.startswith("column 'when': expected numbers or names, got datetime64")


COUNTERS = {
    "seconds": lambda i: 1_700_000_000 + 10 * i,
    "milliseconds": lambda i: 1_700_000_000_000 + 10 * i,
    "identifiers": lambda i: 202_611_240_000 + i,
    "a counter": lambda i: 123_456_789 + i * 5 % 7 - 3,
    "fractions": lambda i: 1e6 + i / 1e4,
}


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("what", COUNTERS)
def test_numbers_that_float32_cannot_tell_apart_are_refused_with_the_cure(what, form, tmp_path):
    values = list(map(COUNTERS[what], range(200)))
    frame = pd.DataFrame({"t": values, "temp": np.arange(200) % 7})
    content = parquet(frame) if form == "parquet" else frame.to_csv(index=False).encode()
    different = len(set(values))
    with pytest.raises(DataError, match=rf"column 't': {different} different values become \d+ in float32.*; subtract"):
        table.load(write(tmp_path, content), (), None)
    shifted = frame.assign(t=frame["t"] - frame["t"].min())
    (tmp_path / "u.csv").write_text(shifted.to_csv(index=False))
    assert len(np.unique(table.load(tmp_path / "u.csv", (), None).x[:, 0])) == different


def test_a_loss_of_digits_that_does_little_harm_is_noted(tmp_path):
    values = [*range(0, 2**24, 2**17), *(2**24 + 2 * i + odd for i in range(2**5) for odd in (0, 1))]
    frame = pd.DataFrame({"t": values, "temp": np.arange(len(values)) % 7})
    (note,) = table.load(write(tmp_path, frame.to_csv(index=False).encode()), (), None).notes
    assert note.startswith(f"column 't': {len(values)} different values become ")
    assert not table.load(write(tmp_path, b"a\n0.1\n0.2\n1e-9\n16777216\n"), (), None).notes
