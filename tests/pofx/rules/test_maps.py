"""A map of another size than its item keeps its sum, its places, and what is impossible."""

import numpy as np
import pytest

from pofx import bundle
from pofx.rules.maps import can_be_scaled, scaled

IMAGE, SOUND = bundle.ImageSpec(height=6, width=9, channels=3), bundle.AudioSpec(rate_hz=8, length=10)


@pytest.mark.parametrize("shape", [(3, 3), (6, 9), (4, 2), (1, 1), (12, 18), (7, 10, 3), (5, 20)])
def test_the_sum_stays(shape):
    terms = np.random.default_rng(1).normal(size=(4, *shape))
    found = scaled(terms, IMAGE)
    assert found.shape == (4, 6, 9, *shape[2:])
    np.testing.assert_allclose(found.sum((1, 2)), terms.sum((1, 2)))


def test_blocks_share_what_is_said_of_them_and_single_positions_are_added_up():
    found = scaled(np.array([[[6.0, 0, 12], [0, 0, 0]]]), IMAGE)
    assert found[0, 0].tolist() == [6 / 9] * 3 + [0] * 3 + [12 / 9] * 3
    assert not found[0, 3:].any()
    assert scaled(np.arange(20.0)[np.newaxis], SOUND).tolist() == [[4 * i + 1 for i in range(10)]]


@pytest.mark.parametrize("length", [4, 10, 25])
def test_what_is_impossible_stays_where_it_is(length):
    terms = np.zeros((1, length))
    terms[0, -1] = np.inf
    found = scaled(terms, SOUND)
    assert not np.isnan(found).any()
    assert np.isinf(found[0, -1])
    assert np.isfinite(found[0, :5]).all()


def test_only_positions_in_space_or_time_can_be_scaled():
    text = bundle.TextSpec(alphabet="ab", length=4)
    row = bundle.RowSpec(columns=(bundle.Column(name="a", minimum=0, maximum=1),))
    assert [can_be_scaled((3,), spec) for spec in (IMAGE, SOUND, text, row)] == [False, True, False, False]
    assert [can_be_scaled(shape, IMAGE) for shape in ((3, 3), (3, 3, 3), (3, 3, 1))] == [True, True, False]
