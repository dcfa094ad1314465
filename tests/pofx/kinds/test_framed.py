"""Words around a picture: the picture is there unharmed, its marks point at their pixels, colours run like a map's."""

import numpy as np
import pytest

from pofx.kinds.framed import DARK, LIGHT, Axis, colour_bar, framed, stacked
from pofx.kinds.sheets import heat_map

PICTURE = np.random.default_rng(0).integers(1, 250, (40, 60, 3)).astype(np.uint8)


def place_of(picture, page):
    """Row and column of a picture in a larger one."""
    rows, columns = (page.shape[axis] - picture.shape[axis] + 1 for axis in (0, 1))
    found = [
        (row, column)
        for row, column in np.argwhere((page[:rows, :columns] == picture[0, 0]).all(axis=2)).tolist()
        if np.array_equal(page[row : row + picture.shape[0], column : column + picture.shape[1]], picture)
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("style", [LIGHT, DARK])
@pytest.mark.parametrize("title", ["short", "one line that is wider than the picture is\nand another"])
def test_a_frame_holds_the_picture_unharmed_with_marks_where_they_belong(style, title):
    page = framed(PICTURE, title, Axis("below", [(0, "0"), (30, "half")]), Axis("left", [(10, "10")]), style)
    row, column = place_of(PICTURE, page)
    assert (page[:row] == style.ink).all(axis=2).any(), "no title"
    under = (page[row + 40] == style.ink).all(axis=1)
    assert np.flatnonzero(under).tolist() == [column, column + 30]
    assert np.flatnonzero((page[row : row + 40, column - 1] == style.ink).all(axis=1)).tolist() == [10]


def test_a_colour_bar_runs_through_the_colours_of_a_map():
    bar = colour_bar(0, 3.5, "nats")
    colours = heat_map(np.linspace(0, 1, 160)[np.newaxis])[0][0]
    middle = bar[bar.shape[0] // 2]
    starts = [at for at in range(len(middle) - 159) if np.array_equal(middle[at : at + 160], colours)]
    assert len(starts) == 1
    assert (middle[: starts[0]].min(), middle[starts[0] + 160 :].min()) < (255, 255), "no values at its ends"


def test_stacked_pictures_are_all_there():
    page = stacked([PICTURE, PICTURE[:7, :9]])
    assert page.shape == (47, 60, 3)
    assert np.array_equal(page[:40], PICTURE)
    assert np.array_equal(page[40:, :9], PICTURE[:7, :9])
