"""A bar chart as pixels."""

from collections.abc import Sequence

import numpy as np

from pofx.rules.pictures import Pixels

_HEIGHT, _BAR, _GAP, _DASH = 120, 28, 4, 6
_PAPER, _INK, _LINE = (255, 255, 255), (70, 110, 160), (200, 60, 40)


def bar_chart(counts: Sequence[int], expected: float) -> Pixels:
    """Bars from left to right and a dashed line at the expected count, shape (height, width, 3)."""
    chart = np.full((_HEIGHT, len(counts) * (_BAR + _GAP) + _GAP, 3), _PAPER, np.uint8)
    most = top_of(counts, expected)
    for place, count in enumerate(counts):
        left = _GAP + place * (_BAR + _GAP)
        chart[row_of(count, most, _HEIGHT) + 1 :, left : left + _BAR] = _INK
    chart[row_of(expected, most, _HEIGHT), np.arange(chart.shape[1]) // _DASH % 2 == 0] = _LINE
    return chart


def top_of(counts: Sequence[int], expected: float) -> float:
    """The count at the top of the chart, two pixels of a gap below its edge."""
    return max(*counts, 2 * expected, 1)


def row_of(count: float, most: float, height: int) -> int:
    """The row of pixels of a count, where ``most`` is at the top and 0 at the bottom."""
    return height - 1 - round(count * (height - 2 * _GAP) / most)
