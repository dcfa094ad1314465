"""Bets are fair: whatever was seen before, the expected gain of a uniform p-value is one."""

import numpy as np
import pytest

from service.drift.bets import HistogramBet, power_bets

GRID = (np.arange(400_000) + 0.5) / 400_000


def test_power_bets_are_fair():
    expected = np.exp(power_bets(GRID)).mean(axis=1)
    assert (expected <= 1 + 1e-9).all()  # the mean of a convex function over midpoints is below its integral
    assert (expected > 0.93).all()


@pytest.mark.parametrize("seen", [0, 1, 150, 500])
def test_the_histogram_bet_is_fair(seen):
    gains = []
    for p in (np.arange(40) + 0.5) / 40:
        bet = HistogramBet()
        bet.gains(np.random.default_rng(0).random(seen) ** 2)
        gains.append(bet.gains(np.array([p]))[0])
    assert np.exp(gains).mean() == pytest.approx(1)


def test_the_histogram_bet_does_not_depend_on_pieces():
    p_values = np.random.default_rng(0).random(700)
    together, apart = HistogramBet(), HistogramBet()
    pieces = [apart.gains(piece) for piece in np.split(p_values, [1, 3, 300, 301, 650])]
    assert np.allclose(np.concatenate(pieces), together.gains(p_values))


def test_extreme_p_values_have_finite_gains():
    gains = power_bets(np.array([1e-300, 0.5, 1.0]))
    assert np.isfinite(gains).all()


@pytest.mark.parametrize("p", [1e-3, 0.5, 0.999])
def test_every_side_has_a_bet_that_gains(p):
    assert power_bets(np.array([p])).max() > 0.5
