"""A sheet of heat maps: equal surprise has equal colours in all of them, and what is not known stays black."""

import numpy as np
import pytest

from pofx import bundle
from pofx.use.scores import Explanation
from service.answers.heat import heat_sheet


@pytest.fixture
def sheet_of(store):
    manifest = bundle.read(store.locate(bundle.Reference.parse("tiny-made"))).manifest

    def draw(nats, sound=(True, True)):
        items = np.zeros((2, 6, 6, 1), np.uint8)
        explanation = Explanation("dim_log_prob", np.array(nats, np.float32).reshape(2, 1, 1, 1) * np.ones((6, 6, 1)))
        return heat_sheet(manifest, items, explanation, np.array(sound))

    return draw


def of_colour(sheet, colour):
    return int((sheet == colour).all(axis=2).sum())


def test_all_maps_share_their_colours(sheet_of):
    halves = sheet_of([1.0, 0.5]), sheet_of([0.5, 1.0])
    tile = 108 * 108  # of 6 pixels, enlarged
    assert all(of_colour(sheet, (255, 255, 255)) == of_colour(halves[0], (255, 255, 255)) >= tile for sheet in halves)


def test_what_could_not_be_scored_stays_black_and_moves_no_colour(sheet_of):
    known, broken = sheet_of([1.0, 0.5], (True, True)), sheet_of([np.nan, 0.5], (False, True))
    assert known.shape[0] == broken.shape[0]
    assert of_colour(broken, (0, 0, 0)) > of_colour(known, (0, 0, 0)) > 0
