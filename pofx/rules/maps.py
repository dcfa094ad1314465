"""Maps of numbers per position that have another size than their item, brought to its size with the same sum."""

import numpy as np

from pofx import bundle
from pofx.rules.arrays import Array
from pofx.rules.known import positions


def can_be_scaled(shape: tuple[int | str, ...], spec: bundle.InputSpec) -> bool:
    """Whether a map of a shape, without the batch axis, says where in an item something is: positions have places."""
    match spec:
        case bundle.ImageSpec():
            return len(shape) == 2 or (len(shape) == 3 and shape[2] == spec.channels)
        case bundle.AudioSpec():
            return len(shape) == 1
        case _:
            return False


def scaled(terms: Array, spec: bundle.InputSpec) -> Array:
    """A map (batch, …) of the item's size: what is said of a block is shared out among its positions, or summed."""
    for axis, size in enumerate(positions(spec), start=1):
        terms = _along(terms, axis, size)
    return terms


def _along(terms: Array, axis: int, size: int) -> Array:
    """The terms in that many places along an axis; no product of 0 and infinity arises."""
    own = terms.shape[axis]
    if own == size:
        return terms
    if own > size:
        return np.add.reduceat(terms, _places(own, size).searchsorted(np.arange(size)), axis)
    places = _places(size, own)
    shares = np.bincount(places).reshape([-1 if place == axis else 1 for place in range(terms.ndim)])
    return (terms / shares).take(places, axis)


def _places(many: int, few: int) -> Array:
    """The place among few in which the middle of each of many lies, ascending."""
    return ((2 * np.arange(many) + 1) * few) // (2 * many)
