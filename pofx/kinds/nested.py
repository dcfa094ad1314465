"""Arrays as nested lists of JSON."""

from typing import Any

import numpy as np

from pofx import bundle
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
    array = _regular(values, place)
    if spec.kind == "row":
        return array
    limits = np.iinfo(bundle.DATA_DTYPES[spec.kind])
    if array.size and not ((array >= limits.min) & (array <= limits.max) & (array == np.floor(array))).all():
        raise place.refusal(f"expected integers from {limits.min} to {limits.max}")
    array = array.astype(limits.dtype)
    if spec.kind == "text" and array.ndim == 1:
        check_codes(array[np.newaxis], spec, lambda _: place)
    return array


def numbers(values: list[Any], place: Place) -> Array:
    """A regular array of finite numbers from nested lists, float64; raises RequestInvalid."""
    array = _regular(values, place)
    if not np.isfinite(array).all():
        raise place.refusal("expected finite numbers")
    return array


def _regular(values: list[Any], place: Place) -> Array:
    """A regular array from nested lists of numbers, float64; booleans and text are none."""
    if not _holds_numbers(values):
        raise place.refusal("expected a regular array of numbers")
    try:
        return np.asarray(values, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise place.refusal("expected a regular array of numbers") from error


def _holds_numbers(values: list[Any]) -> bool:
    """Whether every leaf is a number; numpy would read booleans and text as such."""
    kinds = set(map(type, values))
    return all(map(_holds_numbers, values)) if kinds == {list} else kinds <= {int, float}
