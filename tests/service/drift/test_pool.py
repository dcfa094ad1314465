"""Online p-values: uniform and independent whatever the size of the calibration set, with ties and a full pool too."""

import numpy as np
import pytest
from scipy.stats import kstest

from service.drift.pool import Pool, fixed_p_values

STREAMS, ITEMS = 400, 150


def normal(random, size):
    return random.standard_normal(size)


def tied(random, size):
    """A third of the mass at minus infinity, the rest on few values."""
    return np.where(random.random(size) < 1 / 3, -np.inf, random.integers(0, 5, size))


def streams(draw, n, capacity):
    """P-values of many replays, each with a calibration set of its own, shape (STREAMS, ITEMS)."""
    rows = []
    for seed in range(STREAMS):
        random = np.random.default_rng([seed, n])
        pool = Pool(np.sort(draw(random, n)), random, capacity)
        values = draw(random, ITEMS)
        rows.append(np.concatenate([pool.p_values(piece) for piece in np.split(values, [1, 40, 41, 100])]))
    return np.array(rows)


@pytest.mark.parametrize("draw", [normal, tied])
@pytest.mark.parametrize(("n", "capacity"), [(9, 10_000), (36, 10_000), (36, 50), (200, 10_000)])
def test_without_drift_they_are_uniform_and_independent(draw, n, capacity):
    found = streams(draw, n, capacity)
    assert found.min() > 0
    assert found.max() <= 1
    for place in (0, 1, 70, ITEMS - 1):
        assert kstest(found[:, place], "uniform").pvalue > 1e-4
    means = (found.mean(axis=1) - 0.5) * np.sqrt(12 * ITEMS)  # standard normal if independent, wider if not
    assert kstest(means, "norm").pvalue > 1e-4
    early, late = found[:, : ITEMS // 2].mean(axis=1), found[:, ITEMS // 2 :].mean(axis=1)
    assert abs(np.corrcoef(early, late)[0, 1]) < 4 / np.sqrt(STREAMS)


def test_p_values_against_the_calibration_set_alone_are_not_independent():
    """The reason for the pool: over a stream, their mean strays much farther than that of independent ones."""
    means = []
    for seed in range(STREAMS):
        random = np.random.default_rng(seed)
        found = fixed_p_values(np.sort(normal(random, 36)), normal(random, ITEMS), random)
        means.append((found.mean() - 0.5) * np.sqrt(12 * ITEMS))
    assert np.std(means) > 1.5


def test_a_p_value_counts_what_came_before():
    random = np.random.default_rng(0)
    calibration, values = np.sort(normal(random, 50)), normal(random, 30)
    found = Pool(calibration, random).p_values(values)
    for place, value in enumerate(values):
        known = np.concatenate([calibration, values[:place]])
        below = (known < value).sum()
        assert below / (len(known) + 1) < found[place] <= (below + 1) / (len(known) + 1)


@pytest.mark.parametrize("capacity", [10, 60, 1000])
def test_a_pool_stays_sorted_and_bounded(capacity):
    random = np.random.default_rng(0)
    pool = Pool(np.sort(tied(random, 40)), random, capacity)
    for _ in range(5):
        pool.p_values(tied(random, 30))
        assert (pool._sorted[1:] >= pool._sorted[:-1]).all()
    assert len(pool) == min(190, max(40, capacity))
