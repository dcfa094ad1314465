"""Tables: columns in any order, and every mistake named with its row and column."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.csv_text import decode_csv, encode_csv
from pofx.kinds.row import finite_rows, row_values

NAMES = ("alcohol", "ash", "hue")
SPEC = bundle.RowSpec(columns=tuple(bundle.Column(name=name, minimum=0, maximum=1) for name in NAMES))
numbers = st.floats(-1e6, 1e6, width=32)


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=20), st.permutations(range(3)))
def test_csv_is_read_back_whatever_the_order_of_columns(rows, order):
    text = encode_csv({NAMES[i]: np.array([row[i] for row in rows]) for i in order})
    assert np.array_equal(decode_csv(text, SPEC).array, np.array(rows, np.float32))


def test_named_rows_may_have_any_order():
    assert row_values({"hue": 3, "alcohol": 1, "ash": 2}, SPEC, 0) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ["header"]),
        (b"alcohol,ash\n1,2\n", ["missing", "hue"]),
        (b"alcohol,ash,hue,colour\n1,2,3,4\n", ["unknown", "colour"]),
        (b"alcohol,ash,hue,hue\n1,2,3,4\n", ["twice"]),
        (b"alcohol,ash,hue\n1,2,3\n1,two,3\n", ["row 1", "ash", "two"]),
        (b"alcohol,ash,hue\n1,2\n", ["row 0", "expected 3"]),
        (b"alcohol,ash,hue\n1,nan,3\n", ["item 0", "ash", "missing value", "gmm"]),
        (b"alcohol,ash,hue\n1,2,1e99\n", ["item 0", "hue", "finite"]),
        (b"\xff\xfe\x00", ["UTF-8"]),
        (b'alcohol,ash,hue\n"1,2,3\n', ["CSV"]),
    ],
)
def test_mistakes_are_named(text, words):
    with pytest.raises(RequestInvalid) as refused:
        decode_csv(text, SPEC)
    assert all(word in refused.value.detail for word in words), refused.value.detail


def test_a_byte_order_mark_and_empty_lines_are_ignored():
    assert decode_csv(b"\xef\xbb\xbfalcohol,ash,hue\r\n1,2,3\r\n\r\n", SPEC).array.tolist() == [[1, 2, 3]]


def test_values_that_are_not_finite_stay_empty():
    assert encode_csv({"a": np.array([np.nan, 1]), "b": np.array([True, False])}) == b"a,b\r\n,true\r\n1.0,false\r\n"


def test_the_first_bad_value_is_named():
    with pytest.raises(RequestInvalid) as refused:
        finite_rows([[1, 2, 3], [1, 2, float("inf")]], SPEC)
    assert refused.value.extra["index"] == 1
    assert refused.value.extra["column"] == "hue"


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_our_errors(content):
    with pytest.raises(RequestInvalid):
        decode_csv(content, SPEC)
