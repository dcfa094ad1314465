"""Arrays: npy round trips for every type and order, nothing is pickled, and headers are checked first."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.nested import decode_nested, numbers
from pofx.kinds.npy import NpyFile, encode_npy, read_npy_header
from pofx.kinds.place import item

IMAGE = bundle.ImageSpec(height=4, width=3, channels=1)
ROW = bundle.RowSpec(columns=tuple(bundle.Column(name=name, minimum=0, maximum=1) for name in "abc"))


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def decode(content, spec):
    return NpyFile.parse(content).decode(spec).array


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(5, 4, 3, 1), (5, 4, 3)])
def test_images_are_read_in_any_order_with_or_without_a_channel_axis(shape, order):
    array = np.asarray(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8), order=order)
    assert np.array_equal(decode(npy(array), IMAGE), array.reshape(5, 4, 3, 1))


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i8", "|u1"])
def test_rows_are_read_from_any_number_type(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    found = decode(npy(array), ROW)
    assert found.dtype == np.float32
    assert np.array_equal(found, array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        npy(np.zeros((2, 3)))[:-1],
        npy(np.zeros((2, 3))) + b"x",
        npy(np.array([{}, {}]), allow_pickle=True),
        npy(np.zeros((2, 3), "c16")),
        npy(np.float32(3)),
        npy(np.zeros(2, [("a", "f4")])),
        b"\x93NUMPY\x01\x00\x0a\x00__import__" + b" " * 10,
    ],
)
def test_what_is_no_plain_npy_is_refused(content):
    with pytest.raises(RequestInvalid):
        read_npy_header(content)


@pytest.mark.parametrize(
    ("array", "spec"),
    [
        (np.zeros((2, 5, 3), np.uint8), IMAGE),
        (np.zeros((2, 4, 3, 3), np.uint8), IMAGE),
        (np.zeros((2, 4, 3), np.float32), IMAGE),
        (np.zeros((2, 4), np.float32), ROW),
        (np.full((2, 3), np.nan), ROW),
    ],
)
def test_wrong_shapes_types_and_values_are_refused(array, spec):
    with pytest.raises(RequestInvalid):
        decode(npy(array), spec)


def test_a_huge_shape_with_little_data_is_refused():
    good = npy(np.zeros((2, 4, 3), np.uint8))
    with pytest.raises(RequestInvalid):
        read_npy_header(good.replace(b"(2, 4, 3)", b"(9**9,4)"))
    with pytest.raises(RequestInvalid):
        read_npy_header(good.replace(b"(2, 4, 3)", b"(9999999,)"[:9]))


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_our_errors(content):
    with pytest.raises(RequestInvalid):
        read_npy_header(b"\x93NUMPY" + content)


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], [3]],
        "text",
        [[256] * 3] * 4,
        [[0.5] * 3] * 4,
        [[-1] * 3] * 4,
        [[None] * 3] * 4,
        [[True] * 3] * 4,
        [["1"] * 3] * 4,
        [[10**400] * 3] * 4,
        [[1, 2, 3]] * 3 + [3],
        [[1, 2, 3]] * 3 + ["123"],
        [[1, 2, 3]] * 3 + [{"a": 1, "b": 2, "c": 3}],
        [[[1], [2], [3]]] * 3 + [[1, 2, 3]],
        [[1, 2, [3]]] * 4,
        [[float("nan")] * 3] * 4,
        [[1, 2, False]] * 4,
        [[], [], [], []],
    ],
)
def test_nested_lists_that_are_no_image_are_refused(values):
    with pytest.raises(RequestInvalid):
        decode_nested(values, IMAGE, item(0))


def test_nested_lists_are_read():
    assert decode_nested([[1, 2, 3]] * 4, IMAGE, item(0)).shape == (4, 3, 1)
    assert decode_nested([1, 2, 3], ROW, item(0)).tolist() == [1, 2, 3]
    assert numbers([[1, 2], [3, 4]], item(0)).shape == (2, 2)


@given(npst.arrays(np.float64, npst.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3)))
def test_nested_lists_are_what_numpy_reads(array):
    values = np.nan_to_num(array)
    assert np.array_equal(numbers(values.tolist(), item(0)), np.asarray(values.tolist()))


def test_structured_arrays_need_no_pickle():
    records = np.zeros(3, [("log_prob", "f8"), ("anomaly", "?")])
    assert np.array_equal(np.load(io.BytesIO(encode_npy(records)), allow_pickle=False), records)
