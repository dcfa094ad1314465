"""Where rows stand in a batch, chosen so that a row's result does not depend on its neighbours.

Runtimes compute vectorised kernels with a scalar remainder, and peel reductions to an aligned address, so the last
bits of a result can depend on the number of rows and on a row's place. Measured on ONNX Runtime 1.31, one thread,
AVX-512: matrix products are the same for every batch size, element-wise functions are when the row count is a
multiple of 4, and sums over a width that is no multiple of 4 are only when each row also starts at a multiple of 4
rows. So the first layout that leaves the probe bitwise equal is used.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pofx.rules.arrays import Array


@dataclass(frozen=True)
class Layout:
    """Every row is repeated ``stride`` times, and the whole padded to a multiple of ``multiple`` rows."""

    stride: int = 1
    multiple: int = 1

    def spread(self, array: Array) -> Array:
        """The array with repeated and padding rows, shape (padded rows, …)."""
        if self.stride > 1:
            array = np.repeat(array, self.stride, axis=0)
        missing = -len(array) % self.multiple
        if missing:
            padding = np.broadcast_to(array[-1:], (missing, *array.shape[1:]))
            array = np.concatenate([array, padding])
        return array

    def gather(self, array: Array, rows: int) -> Array:
        """The result of the real rows, shape (rows, …)."""
        return array[: rows * self.stride : self.stride]


LAYOUTS = (Layout(), Layout(1, 4), Layout(1, 16), Layout(4, 16))
PROBE_ROWS = 32
SLOW_LAYOUT = Layout(1, 4)

RunRows = Callable[[Layout, int, int], dict[str, Array]]
"""Runs rows start to stop of the probe in a layout."""


def find_layout(run: RunRows, rows: int = PROBE_ROWS) -> Layout | None:
    """The cheapest layout in which every row of the probe is bitwise the same in all groupings; None if none is."""
    for layout in LAYOUTS:
        whole = run(layout, 0, rows)
        if all(_agree(whole, run(layout, start, stop), start, stop) for start, stop in _groups(rows)):
            return layout
    return None


def find_slow_layout(run: RunRows, result: dict[str, Array]) -> Layout | None:
    """The same for a graph that takes seconds, a loop over thousands of positions: loading must not take minutes.

    One layout and one grouping are tried. ``result`` is that of all rows as they came; it need not be computed again
    where they fill the layout.
    """
    rows = len(next(iter(result.values())))
    whole = run(SLOW_LAYOUT, 0, rows) if rows % SLOW_LAYOUT.multiple else result
    last = (rows - 1, rows)
    return SLOW_LAYOUT if _agree(whole, run(SLOW_LAYOUT, *last), *last) else None


def _groups(rows: int) -> list[tuple[int, int]]:
    """Every row alone, then in twos, fours and sevens from odd places on, and almost everything."""
    alone = [(row, row + 1) for row in range(rows)]
    together = [(start, start + size) for size in (2, 4, 7) for start in range(1, rows - size + 1, size)]
    return [*alone, *together, (1, rows)]


def _agree(whole: dict[str, Array], part: dict[str, Array], start: int, stop: int) -> bool:
    return all(_bits(whole[name][start:stop]) == _bits(part[name]) for name in whole)


def _bits(array: Array) -> bytes:
    """What is in memory, whatever the strides; unlike values, bits tell zeros apart and NaN equal to itself."""
    return array.tobytes()
