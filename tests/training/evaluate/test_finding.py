"""What a statistic finds at a rate: nothing of what is normal beyond it, all of what is far away, in either tail."""

import numpy as np
import pytest

from training.data import Items
from training.evaluate.finding import best, findings, halves, interval


@pytest.mark.parametrize(("tail", "sign"), [("low", -1.0), ("high", 1.0)])
def test_far_items_are_found_and_normal_ones_are_not(tail, sign):
    random = np.random.default_rng(0)
    normal, alike, far = (sign * random.normal(shift, 1, 999) for shift in (0, 0, 9))
    (blind,) = findings({"s": tail}, {"s": normal}, {"s": alike}, 0.05)
    (sighted,) = findings({"s": tail}, {"s": normal}, {"s": far}, 0.05)
    assert (sighted.share, sighted.auroc) == (1.0, pytest.approx(1.0, abs=1e-3))
    assert blind.share == pytest.approx(0.05, abs=0.03)
    assert blind.auroc == pytest.approx(0.5, abs=0.05)
    assert best([blind, sighted]) is sighted


def test_a_rate_below_what_so_few_items_allow_is_raised():
    (found,) = findings({"s": "high"}, {"s": np.arange(19.0)}, {"s": np.array([99.0])}, 0.01)
    assert (found.alpha, found.share) == (1 / 20, 1.0)


@pytest.mark.parametrize("count", [2, 3, 20])
def test_halves_share_no_defect_and_leave_none_out(count):
    items = Items(np.arange(count)[:, np.newaxis].astype(np.float32))
    one, other = halves(items, seed=4)
    assert len(one) - len(other) in (0, 1)
    assert sorted([*one.x[:, 0], *other.x[:, 0]]) == list(range(count))
    assert np.array_equal(one.x, halves(items, seed=4)[0].x)


@pytest.mark.parametrize("count", [1, 7, 40])
def test_an_interval_covers_the_share_it_is_of_as_often_as_it_says(count):
    ends = np.array([interval(found, count) for found in range(count + 1)])
    assert (np.diff(ends, axis=0) >= 0).all()
    shares = np.linspace(0.02, 0.98, 25)
    drawn = np.random.default_rng(0).binomial(count, shares, (4000, 25))
    covered = (ends[drawn, 0] <= shares) & (shares <= ends[drawn, 1])
    assert (covered.mean(axis=0) >= 0.95 - 0.015).all()
