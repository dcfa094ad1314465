"""A bar chart: heights in proportion, and room for the expected count."""

import numpy as np
import pytest

from service.answers.bars import bar_chart


def heights(chart, bins):
    width = (chart.shape[1] - 4) // bins
    middle = 4 + np.arange(bins) * width + 14
    return (chart[:, middle] == (70, 110, 160)).all(axis=2).sum(axis=0)


@pytest.mark.parametrize("counts", [[0, 50, 100, 25], [7, 7, 7, 7], [10_000, 0, 0, 0]])
def test_bars_are_as_high_as_their_counts(counts):
    found = heights(bar_chart(counts, sum(counts) / 4), 4)
    assert np.allclose(found / found.max(), np.array(counts) / max(counts), atol=0.03)


def test_nothing_to_draw_is_a_picture_too():
    assert heights(bar_chart([0] * 10, 0.0), 10).max() == 0
