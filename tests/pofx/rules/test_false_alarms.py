"""The band of a false-alarm rate holds for exchangeable items, by simulation, and not for those that are not."""

import numpy as np
import pytest
from scipy.stats import betabinom

from pofx.rules.conformal import p_values
from pofx.rules.false_alarms import CHANCE, false_alarms


def _p_values(random, n, m, tied=False):
    calibration, fresh = np.sort(random.normal(size=n)), random.normal(size=m)
    if tied:
        calibration, fresh = calibration.round(1), fresh.round(1)
    return p_values("low", calibration, fresh)


def test_the_band_holds_nine_times_in_ten():
    random = np.random.default_rng(2)
    inside = [row.as_promised for _ in range(600) for row in false_alarms(_p_values(random, 400, 300), 400, [0.05])]
    assert np.mean(inside) >= 0.88  # discrete: at least the nominal 0.90, less three standard errors


def test_an_alpha_that_the_calibration_cannot_support_has_no_row():
    assert [row.alpha for row in false_alarms(np.ones(10), 50, [0.01, 0.05])] == [0.05]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
@pytest.mark.parametrize(("n", "m"), [(99, 40), (400, 1000)])
def test_exchangeable_items_are_marked_no_oftener_than_promised(n, m, alpha, tied):
    random, marked, runs = np.random.default_rng(5), 0, 4000
    for _ in range(runs):
        (row,) = false_alarms(_p_values(random, n, m, tied), n, [alpha])
        marked += row.too_many
    assert marked <= CHANCE * runs + 4 * np.sqrt(CHANCE * runs)  # four standard errors of a Poisson count


@pytest.mark.parametrize(("n", "m", "alpha"), [(20, 1, 0.1), (99, 40, 0.01), (400, 1000, 0.05), (8000, 20_000, 0.1)])
def test_the_quantiles_are_those_of_the_beta_binomial_law(n, m, alpha):
    (row,) = false_alarms(np.ones(m), n, [alpha], tests=8)
    law = betabinom(m, round(alpha * (n + 1) - 0.499), n + 1 - round(alpha * (n + 1) - 0.499))
    expected = [law.ppf(level) / m for level in (0.05, 0.95, 1 - CHANCE / 8)]
    assert [row.low, row.high, row.limit] == pytest.approx(expected, abs=1e-12)


def test_windows_of_few_recordings_are_often_marked_and_windows_of_as_many_recordings_are_not():
    random = np.random.default_rng(0)

    def marked(recordings: int) -> float:
        found = []
        for _ in range(200):
            level = random.normal(size=2 * recordings)
            values = np.repeat(level, 600 // recordings) + 0.3 * random.normal(size=1200)
            p = p_values("low", np.sort(values[:600]), values[600:])
            found.append(any(row.too_many for row in false_alarms(p, 600, [0.01, 0.05, 0.1], tests=3)))
        return float(np.mean(found))

    assert marked(10) > 0.3
    assert marked(600) == 0


def test_a_shift_of_the_items_kept_aside_is_marked():
    random = np.random.default_rng(1)
    p = p_values("high", np.sort(random.normal(size=500)), random.normal(0.7, size=500))
    assert [row.too_many for row in false_alarms(p, 500, [0.05, 0.1], tests=2)] == [True, True]
