"""The fortune: the one its definition gives, never below the purse, fair, and large where p-values are uneven."""

import copy
import math

import numpy as np
import pytest

from service.drift.bets import HistogramBet, power_bets
from service.drift.martingale import Martingale


def purse(items):
    return 1 / (1 + math.log(items + 1))


def test_it_is_the_fortune_of_its_definition():
    p_values = np.random.default_rng(0).random(60) ** 1.5
    gains = np.exp(np.vstack([power_bets(p_values), HistogramBet().gains(p_values)]))
    wealth, expected = np.zeros(len(gains)), []
    for place in range(60):
        wealth = (wealth + (purse(place) - purse(place + 1)) / len(gains)) * gains[:, place]
        expected.append(math.log10(wealth.sum() + purse(place + 1)))
    assert np.allclose(Martingale().update(p_values), expected)


def test_pieces_make_no_difference():
    p_values = np.random.default_rng(0).random(1000)
    together, apart = Martingale(), Martingale()
    pieces = [apart.update(piece) for piece in np.split(p_values, [1, 2, 500, 777])]
    assert np.allclose(np.concatenate(pieces), together.update(p_values))
    assert apart.log10 == pytest.approx(together.log10)


@pytest.mark.parametrize("seen", [0, 3, 300])
def test_without_drift_the_next_item_is_expected_to_change_nothing(seen):
    before = Martingale()
    if seen:
        before.update(np.random.default_rng(0).random(seen) ** 1.2)
    after = [10 ** copy.deepcopy(before).update(np.array([p]))[0] for p in (np.arange(2000) + 0.5) / 2000]
    assert 0.9 < np.mean(after) / 10**before.log10 <= 1 + 1e-9  # midpoints miss a little of the gains near 0 and 1


def test_without_drift_it_rarely_reaches_a_level():
    """By Ville's inequality: 1 / a with a chance of at most a. Here a = 10 %, over 200 streams."""
    reached = sum(Martingale().update(np.random.default_rng(seed).random(3000)).max() >= 1 for seed in range(200))
    assert reached <= 20 + 3 * math.sqrt(200 * 0.1 * 0.9)


def test_it_never_falls_below_the_purse_and_late_drift_is_found():
    random = np.random.default_rng(0)
    martingale = Martingale()
    martingale.update(np.linspace(0.2, 0.8, 500))
    for _ in range(50):
        martingale.update(random.random(2000))
    assert martingale.log10 >= math.log10(purse(100_500))
    assert martingale.update(random.random(200) ** 2).max() >= 3


DRIFTS = {
    "anomalies": lambda random, n: np.where(random.random(n) < 0.3, random.random(n) * 0.02, random.random(n)),
    "too likely": lambda random, n: 1 - random.random(n) ** 2,
    "both ends": lambda random, n: random.beta(0.5, 0.5, n),
    "the middle": lambda random, n: random.beta(2, 2, n),
    "a clump": lambda random, n: np.where(random.random(n) < 0.3, 0.3 + random.random(n) / 20, random.random(n)),
}


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS.keys())
@pytest.mark.parametrize("clean", [0, 10_000])
def test_every_kind_of_unevenness_is_found(drift, clean):
    random = np.random.default_rng(0)
    martingale = Martingale()
    if clean:
        assert martingale.update(random.random(clean)).max() < 3
    assert martingale.update(drift(random, 500)).max() >= 3
