"""Where the surprise of an item lies, in a few words for a table: its columns, pixels, moments or characters."""

from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.kinds.text import decode_texts
from pofx.rules.arrays import Array

_MOST = 3
_SPAN_S = 0.01
_SIDE = 8  # an image is looked at in this many rows and columns of blocks


def reasons(spec: bundle.InputSpec, items: Array, surprise: Array) -> NDArray[np.str_]:
    """A phrase for each item, (n,): the places with most surprise, and how much; surprise (n, …), higher is odder."""
    return np.array([_reason(spec, item, odd) for item, odd in zip(items, surprise, strict=True)], np.str_)


def most_first(surprise: NDArray[np.floating[Any]]) -> list[int]:
    """Places from the most to the least surprising; what is not a number comes first of all."""
    order: list[int] = np.argsort(np.nan_to_num(-surprise, nan=-np.inf), kind="stable").tolist()
    return order


def per_position(surprise: Array) -> Array:
    """The surprise with that of several channels of a pixel added up, shape (height, width)."""
    return surprise.sum(axis=2) if surprise.ndim == 3 else surprise


def spans(surprise: Array, rate_hz: int) -> list[tuple[float, float, float]]:
    """Stretches of equal length from the most to the least surprising: start and end in seconds, and their sum."""
    width = max(1, round(_SPAN_S * rate_hz))
    starts = np.arange(0, len(surprise), width)
    sums = np.add.reduceat(surprise, starts)
    ends = np.minimum(starts + width, len(surprise))
    order = most_first(sums)
    return [(float(starts[i] / rate_hz), float(ends[i] / rate_hz), float(sums[i])) for i in order]


def _reason(spec: bundle.InputSpec, item: Array, surprise: Array) -> str:
    match spec:
        case bundle.RowSpec():
            known = np.where(np.isnan(item), -np.inf, surprise)  # what is missing surprises nobody
            return _listed([(spec.columns[place].name, known[place]) for place in most_first(known)[:_MOST]])
        case bundle.ImageSpec():
            return _block(per_position(surprise))
        case bundle.AudioSpec():
            found = spans(surprise, spec.rate_hz)[:_MOST]
            return _listed([(f"{start:.2f} to {end:.2f} s", odd) for start, end, odd in found])
        case bundle.TextSpec():
            return _listed(_characters(item, surprise, spec))
        case _:
            assert_never(spec)


def _block(surprise: Array) -> str:
    """The block of an image that holds most surprise, by its pixels from the top left corner."""
    steps = [max(1, -(-size // _SIDE)) for size in surprise.shape]
    rows, columns = (np.arange(0, size, step) for size, step in zip(surprise.shape, steps, strict=True))
    sums = np.add.reduceat(np.add.reduceat(surprise, rows, axis=0), columns, axis=1)
    row, column = np.unravel_index(most_first(sums.ravel())[0], sums.shape)
    ends = [
        min(start + step, size) - 1
        for start, step, size in zip((rows[row], columns[column]), steps, surprise.shape, strict=True)
    ]
    return f"rows {rows[row]} to {ends[0]}, columns {columns[column]} to {ends[1]} ({sums[row, column]:.3g})"


def _characters(codes: Array, surprise: Array, spec: bundle.TextSpec) -> list[tuple[str, float]]:
    (text,) = decode_texts(codes[np.newaxis], spec)
    shown, values = [repr(character) for character in text], surprise[: len(text)].tolist()
    if len(text) < len(surprise):
        shown, values = [*shown, "the end"], [*values, float(surprise[len(text) :].sum())]
    return [(f"{shown[place]} at {place}", values[place]) for place in most_first(np.array(values))[:_MOST]]


def _listed(pairs: list[tuple[str, float]]) -> str:
    return ", ".join(f"{name} ({value:.3g})" for name, value in pairs if value != -np.inf)
