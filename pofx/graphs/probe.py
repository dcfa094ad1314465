"""Inputs to find a layout with: as many different rows as are wanted, made from the few golden ones.

Rows that repeat would hide what depends on a row's place: the same four rows give the same rounding over and over.
"""

from collections.abc import Mapping

import numpy as np

from pofx import bundle
from pofx.rules import noise
from pofx.rules.arrays import Array

_SEED = 20


def probe_rows(spec: bundle.Graph, golden: Mapping[str, Array], rows: int) -> dict[str, Array]:
    """The inputs with a batch axis, ``rows`` different rows each, all of them as legal as the golden ones."""
    random = np.random.default_rng(_SEED)
    return {item.name: _rows(item, golden[item.name], rows, random) for item in spec.inputs if "batch" in item.shape}


def _rows(item: bundle.GraphInput, given: Array, rows: int, random: np.random.Generator) -> Array:
    if item.role == "noise":
        return noise.draw(item, _SEED, range(rows))
    if item.dtype == "uint8" and given.ndim == 2:
        return _shortened(given, rows, random)
    if item.dtype in ("uint8", "int16"):
        return _shifted(given, rows)
    return _mixed(given, rows, random)


def _shifted(given: Array, rows: int) -> Array:
    """Images moved by some pixels, or recordings by some samples: as likely as before, and different, (rows, …)."""
    return np.stack([_moved(given[row % len(given)], row // len(given)) for row in range(rows)])


def _moved(item: Array, steps: int) -> Array:
    """Moved along its first axis, and along the second each time the first is through."""
    moved = np.roll(item, steps, axis=0)
    return moved if moved.ndim == 1 else np.roll(moved, steps // len(item), axis=1)


def _mixed(given: Array, rows: int, random: np.random.Generator) -> Array:
    """Every element from one of the rows, so that a column only has values that it can have, (rows, …)."""
    chosen = random.integers(0, len(given), (rows, *given.shape[1:]))
    chosen[: len(given)] = np.arange(min(rows, len(given))).reshape(-1, *[1] * (given.ndim - 1))[: len(chosen)]
    return np.take_along_axis(given, chosen, axis=0)


def _shortened(given: Array, rows: int, random: np.random.Generator) -> Array:
    """Texts, or masks, cut at different places: nothing follows their end, (rows, length)."""
    found = given[np.arange(rows) % len(given)].copy()
    stops = random.integers(1, given.shape[1] + 1, rows)
    stops[: len(given)] = given.shape[1]
    found[np.arange(given.shape[1]) >= stops[:, np.newaxis]] = 0
    return found
