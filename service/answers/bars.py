"""A bar chart as pixels."""

from collections.abc import Sequence

import numpy as np

from pofx.rules.pictures import Pixels

_HEIGHT, _BAR, _GAP, _DASH = 120, 28, 4, 6
_PAPER, _INK, _LINE = (255, 255, 255), (70, 110, 160), (200, 60, 40)


def bar_chart(counts: Sequence[int], expected: float) -> Pixels:
    """Bars from left to right and a dashed line at the expected count, shape (height, width, 3)."""
    chart = np.full((_HEIGHT, len(counts) * (_BAR + _GAP) + _GAP, 3), _PAPER, np.uint8)
    scale = (_HEIGHT - 2 * _GAP) / max(*counts, 2 * expected, 1)
    for place, count in enumerate(counts):
        left = _GAP + place * (_BAR + _GAP)
        chart[_HEIGHT - round(count * scale) :, left : left + _BAR] = _INK
    level = _HEIGHT - 1 - round(expected * scale)
    chart[level, np.arange(chart.shape[1]) // _DASH % 2 == 0] = _LINE
    return chart
