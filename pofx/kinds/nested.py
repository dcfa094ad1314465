"""Arrays as nested lists of JSON."""

import contextlib
from itertools import chain
from typing import Any

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.place import Place
from pofx.kinds.text import check_codes
from pofx.rules.arrays import Array


def decode_nested(values: list[Any], spec: bundle.InputSpec, place: Place) -> Array:
    """One item from nested lists, of the model's shape and type; rows stay float64."""
    array = decode_elements(values, spec, place)
    if array.ndim == 2 and spec.kind == "image" and spec.channels == 1:
        array = array[..., np.newaxis]
    if array.shape != spec.shape:
        raise place.refusal(
            f"expected shape {spec.shape}, got {array.shape}", expected=list(spec.shape), got=list(array.shape)
        )
    return array


def decode_elements(values: list[Any], spec: bundle.InputSpec, place: Place) -> Array:
    """Elements of an item in any shape: of a row float64, else whole numbers in the range of the model's type."""
    leaves, shape = _leaves(values, place)
    if spec.kind == "row":
        return _floats(leaves, place).reshape(shape)
    array = _whole(leaves, np.dtype(bundle.DATA_DTYPES[spec.kind]), place).reshape(shape)
    if spec.kind == "text" and array.ndim == 1:
        check_codes(array[np.newaxis], spec, lambda _: place)
    return array


def numbers(values: list[Any], place: Place) -> Array:
    """A regular array of finite numbers from nested lists, float64; raises RequestInvalid."""
    leaves, shape = _leaves(values, place)
    array = _floats(leaves, place)
    if not np.isfinite(array).all():
        raise place.refusal("expected finite numbers")
    return array.reshape(shape)


def _leaves(values: list[Any], place: Place) -> tuple[list[Any], tuple[int, ...]]:
    """The numbers of a regular array in their order, and its shape; booleans and text are no numbers."""
    shape = [len(values)]
    while values and type(values[0]) is list:
        lengths = {len(part) if type(part) is list else -1 for part in values}
        if len(lengths) > 1:
            raise _irregular(place)
        shape += lengths
        values = list(chain.from_iterable(values))
    if not set(map(type, values)) <= {int, float}:
        raise _irregular(place)
    return values, tuple(shape)


def _floats(leaves: list[Any], place: Place) -> Array:
    try:
        return np.array(leaves, np.float64)
    except OverflowError as error:
        raise _irregular(place) from error


def _whole(leaves: list[Any], dtype: np.dtype[Any], place: Place) -> Array:
    """The numbers in the type of the model; bytes at once, in a fifth of the time that it takes by way of floats."""
    with contextlib.suppress(TypeError, ValueError):  # for floats, and for what is out of range
        if dtype == np.uint8:
            return np.frombuffer(bytearray(leaves), np.uint8)
    limits, array = np.iinfo(dtype), _floats(leaves, place)
    if not ((array >= limits.min) & (array <= limits.max) & (array == np.floor(array))).all():
        raise place.refusal(f"expected integers from {limits.min} to {limits.max}")
    return array.astype(dtype)


def _irregular(place: Place) -> RequestInvalid:
    return place.refusal("expected a regular array of numbers")
