"""Parquet: what was written is read, limits hold before anything is unpacked, and mistakes are named."""

import datetime
import decimal
import io
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx import bundle
from pofx.errors import MediaUnsupported, PofxError, RequestInvalid, TooLarge
from pofx.kinds import parquet_process
from pofx.kinds.parquet import ParquetFile, encode_parquet

NAMES = ("alcohol", "ash", "hue")
SPEC = bundle.RowSpec(columns=tuple(bundle.Column(name=name, minimum=0, maximum=1) for name in NAMES))
ROWS = np.random.default_rng(0).standard_normal((50, 3))
OTHERS = {
    "id": pa.array([f"w{i}" for i in range(49)] + [None]),
    "category": pa.array(["a", "b"] * 25).dictionary_encode(),
    "opened": pa.array([datetime.datetime(2020, 1, 1 + i % 28, tzinfo=datetime.UTC) for i in range(50)]),
    "day": pa.array([datetime.date(2020, 1, 1 + i % 28) for i in range(50)]),
    "good": pa.array([True, False] * 25),
    "price": pa.array([decimal.Decimal("1.50"), decimal.Decimal("2.25")] * 25),
}


def written(columns, **options):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, **options)
    return buffer.getvalue()


def table(kind=None, **more):
    kind = kind or pa.float64()
    return {**more, **{name: pa.array(ROWS[:, place]).cast(kind, safe=False) for place, name in enumerate(NAMES)}}


def decode(content, extra="refuse", spec=SPEC):
    return ParquetFile.parse(content, extra).decode(spec)


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64(), pa.int8(), pa.int64(), pa.decimal128(9, 4)])
@pytest.mark.parametrize("options", [{}, {"compression": "zstd", "data_page_version": "2.0"}, {"row_group_size": 7}])
def test_rows_are_read_from_any_number_type(kind, options):
    columns = table(kind)
    found = decode(written(dict(reversed(columns.items())), **options))
    expected = [columns[name].cast(pa.float64(), safe=False).to_numpy() for name in NAMES]
    assert np.array_equal(found.array, np.stack(expected, axis=1).astype(np.float32))
    assert ParquetFile.parse(written(columns, **options), "refuse").count == 50


def test_other_columns_come_back_with_their_types_and_as_text():
    columns = {"id": OTHERS["id"], **table(), **OTHERS}
    found = decode(written(columns), "keep")
    assert found.notes == (
        "not read, since the model has no such columns: 'id', 'category', 'opened', 'day', 'good', 'price'",
    )
    typed, cells = found.columns.typed(), found.columns.cells()
    assert list(typed) == list(cells) == list(columns)
    for name, values in columns.items():
        assert typed[name].to_pylist() == values.to_pylist()
        assert len(cells[name]) == 50
    assert cells["id"][48:] == ["w48", ""]
    assert (cells["opened"][0], cells["day"][1], cells["good"][1]) == (
        "2020-01-01 00:00:00.000000Z",
        "2020-01-02",
        "false",
    )
    assert np.array_equal(np.array(cells["ash"], float), ROWS[:, 1])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"alcohol": [1.0], "ash": [1.0]}, "missing 'hue'"),
        ({**table(), "id": OTHERS["id"]}, "unknown 'id'; extra=keep"),
        (table() | {"ash": pa.array(["1"] * 50)}, "column 'ash': expected numbers, got string"),
        (table() | {"ash": OTHERS["good"]}, "column 'ash': expected numbers, got bool"),
        (
            table() | {"ash": pa.array([1.0] * 49 + [None])},
            "item 49, column 'ash': expected a number, got a missing value",
        ),
        (table() | {"ash": pa.array([1.0] * 49 + [float("inf")])}, "item 49, column 'ash': expected a finite number"),
        (table() | {"ash": pa.array([1.0] * 49 + [1e39])}, "in the range of float32, got 1e+39"),
        (table() | {"ash": pa.array([[1.0]] * 50)}, "expected plain columns, got lists or columns within columns"),
        (table() | {"ash": pa.array([{"a": 1.0}] * 50)}, "expected plain columns, got lists or columns within columns"),
    ],
)
def test_mistakes_are_named(columns, words):
    with pytest.raises(RequestInvalid) as refused:
        decode(written(columns))
    assert words in refused.value.detail


def test_bytes_are_not_passed_on():
    with pytest.raises(RequestInvalid, match="column 'id': expected numbers, text or times, got binary; leave it out"):
        decode(written(table() | {"id": pa.array([b"\xff"] * 50)}), "keep")


def test_text_that_is_no_utf_8_is_refused():
    wrong = pa.array([b"\xff"] * 50).view(pa.string())
    with pytest.raises(RequestInvalid, match="truncated or damaged"):
        decode(written(table() | {"id": wrong}), "keep")


def test_a_table_is_for_models_of_rows():
    with pytest.raises(MediaUnsupported, match="this model takes images"):
        decode(written(table()), spec=bundle.ImageSpec(height=1, width=1, channels=1))


def test_what_is_unpacked_has_a_limit_that_counts_before_it_is_unpacked(monkeypatch):
    same = pa.DictionaryArray.from_arrays(np.zeros(10_000, np.int32), ["x" * 100_000])
    repeated = {"note": same}  # a gigabyte of text in a small file
    rows = {name: pa.array(np.zeros(10_000)) for name in NAMES}
    content = written({**rows, **repeated}, compression="zstd")
    assert len(content) < 1_000_000
    with pytest.raises(TooLarge, match="Parquet: its texts are larger than 268435456 bytes"):
        decode(content, "keep")
    monkeypatch.setattr(parquet_process, "MAX_UNPACKED_BYTES", 50_000)
    with pytest.raises(TooLarge, match="Parquet: unpacked it is larger than 50000 bytes"):
        ParquetFile.parse(content, "keep")


def test_the_memory_of_the_reader_is_bounded_whatever_the_file_says(monkeypatch):
    monkeypatch.setattr(parquet_process, "MAX_UNPACKED_BYTES", 2**40)  # as though the metadata lied
    same = pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), ["x" * 100_000])
    content = written({**{name: pa.array(np.zeros(20_000)) for name in NAMES}, "note": same}, compression="zstd")
    with pytest.raises((TooLarge, RequestInvalid), match=r"unpacked it is larger than|cannot be read"):
        decode(content, "keep")
    assert decode(written(table())).array.shape == (50, 3)


def test_values_that_share_prefixes_are_read_and_bounded(monkeypatch):
    options = {"use_dictionary": False, "column_encoding": {"id": "DELTA_BYTE_ARRAY"}}
    content = written({"id": pa.array(["x" * 10_000] * 50), **table()}, **options)
    assert len(content) < 50_000
    assert decode(content, "keep").columns.cells()["id"] == ["x" * 10_000] * 50
    monkeypatch.setattr(parquet_process, "MAX_UNPACKED_BYTES", 400_000)
    with pytest.raises(TooLarge, match="its texts are larger than 400000 bytes"):
        decode(content, "keep")


def test_columns_and_row_groups_have_limits():
    with pytest.raises(TooLarge, match="Parquet: 2001 columns, at most 2000"):
        decode(written({str(place): [1.0] for place in range(2001)}))
    with pytest.raises(TooLarge, match="Parquet: 5001 row groups"):
        decode(written({"a": np.zeros(5001)}, row_group_size=1))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + struct.pack("<I", 0) + b"PAR1", b"x" * 50])
def test_what_is_no_parquet_is_refused(content):
    with pytest.raises(RequestInvalid):
        decode(content)


def test_every_truncation_is_refused():
    content = written(table())
    for length in range(0, len(content), 97):
        with pytest.raises(RequestInvalid):
            decode(content[:length])


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_no_damage_raises_anything_but_our_errors(damage):
    content = bytearray(written({"id": OTHERS["id"], **table()}))
    for place, byte in damage:
        content[place % len(content)] = byte
    try:
        found = decode(bytes(content), "keep")
        list(found.columns.cells().values())
    except PofxError:
        return
    assert found.array.shape == (50, 3)


def test_what_is_written_is_read_back():
    scores = np.array([1.5, np.nan, -np.inf])
    verdicts = np.ma.masked_array([True, False, True], [False, True, False])
    found = pq.read_table(io.BytesIO(encode_parquet({"id": ["a", "b", "c"], "log_prob": scores, "anomaly": verdicts})))
    assert found.column("id").to_pylist() == ["a", "b", "c"]
    np.testing.assert_array_equal(found.column("log_prob").to_numpy(), scores)
    assert found.column("anomaly").to_pylist() == [True, None, True]
