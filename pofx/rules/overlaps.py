"""Whether windows share stretches of one recording: what nobody says, their samples tell.

Two windows that overlap hold the same run of samples at different places. Runs of a fixed length are told by a number
that depends on their samples alone, and of these numbers only some are kept, the same ones whatever the window (S.
Schleimer, D. Wilkerson & A. Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pofx.rules.arrays import Array

RUN = 32
"""Samples of a run; of fewer, recordings that have nothing to do with each other have some alike."""

SHARE = 0.05
"""Of windows that may overlap by accident: the same word twice, a test tone."""

_KEPT = 256  # runs of a window, about
_AT_ONCE = 1 << 20  # samples
_FACTOR = np.uint64(0x9E3779B97F4A7C15)

Numbers = NDArray[np.uint64]


class Overlaps:
    """Takes windows, int16 (windows, length), block by block, and counts those that share a run with another one."""

    def __init__(self) -> None:
        self._parts: list[tuple[Numbers, NDArray[np.intp]]] = []
        self._windows = 0

    def take(self, windows: Array) -> None:
        """Takes note of some windows."""
        for part in _parts(windows):
            runs, own = _runs(part)
            self._parts.append((runs, own + self._windows))
            self._windows += len(part)

    def count(self) -> int:
        """How many windows share a run with another one."""
        if not self._parts:
            return 0
        runs, own = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
        pairs = np.unique(np.stack([runs, own.astype(np.uint64)], axis=1), axis=0)  # a run counts once a window
        _, places, counts = np.unique(pairs[:, 0], return_inverse=True, return_counts=True)
        return len(np.unique(pairs[counts[places] > 1, 1]))


def _parts(windows: Array) -> Iterator[Array]:
    length = windows.shape[1]
    if length < RUN:
        return
    step = max(1, _AT_ONCE // length)
    for start in range(0, len(windows), step):
        yield windows[start : start + step]


def _runs(windows: Array) -> tuple[Numbers, NDArray[np.intp]]:
    """The numbers of the runs that are kept, and the window of each; runs in which hardly anything happens are not."""
    steps = np.diff(windows, axis=1) != 0
    moves = np.lib.stride_tricks.sliding_window_view(steps, RUN - 1, axis=1).sum(axis=2)  # (windows, places)
    values = windows.astype(np.int64).astype(np.uint64)
    numbers = np.zeros(moves.shape, np.uint64)
    for place in range(RUN):
        numbers = numbers * _FACTOR + values[:, place : place + moves.shape[1]]
    numbers ^= numbers >> np.uint64(31)
    numbers *= _FACTOR
    every = np.uint64(max(1, moves.shape[1] // _KEPT))
    own, places = np.nonzero((numbers >> np.uint64(32)) % every == 0)
    lively = moves[own, places] > RUN // 2
    return numbers[own, places][lively], own[lively]


def overlapping(windows: Array) -> int:
    """How many of the windows share a run with another one."""
    found = Overlaps()
    found.take(windows)
    return found.count()
