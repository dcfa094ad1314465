"""The Kolmogorov-Smirnov test: the distance of the definition, and p-values that are nearly uniform without drift."""

import numpy as np
import pytest
from scipy.special import kolmogorov as reference
from scipy.stats import ks_2samp

from service.drift.kolmogorov import distance, kolmogorov, p_value


@pytest.mark.parametrize("seed", range(20))
def test_the_distance_is_that_of_the_definition(seed):
    random = np.random.default_rng(seed)
    first, second = np.sort(random.integers(0, 9, 40).astype(float)), np.sort(random.standard_normal(25) * 4)
    assert distance(first, second) == pytest.approx(ks_2samp(first, second).statistic)
    assert distance(first, first) == 0
    assert distance(first, second + 1e6) == 1


def test_infinities_are_values_like_any_other():
    assert distance(np.array([-np.inf, -np.inf, 0.0, np.inf]), np.array([-np.inf, 0.0, 0.0, np.inf])) == 0.25


def test_the_limiting_law_is_kolmogorovs():
    points = np.linspace(0, 4, 200)
    assert np.allclose([kolmogorov(x) for x in points], reference(points), atol=1e-12)


@pytest.mark.parametrize(("n", "m"), [(36, 1000), (1000, 1000), (100, 50)])
def test_p_values_are_nearly_uniform_without_drift(n, m):
    random = np.random.default_rng(0)
    pairs = ((np.sort(random.random(n)), np.sort(random.random(m))) for _ in range(800))
    found = np.array([p_value(distance(first, second), n, m) for first, second in pairs])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert (found <= level).mean() == pytest.approx(level, abs=4 * np.sqrt(level / 800) + 0.02)


def test_ties_make_p_values_larger():
    random = np.random.default_rng(0)
    pairs = [(np.sort(random.integers(0, 4, 200)), np.sort(random.integers(0, 4, 200))) for _ in range(300)]
    found = np.array([p_value(distance(*pair), 200, 200) for pair in pairs])
    assert (found <= 0.05).mean() <= 0.05
