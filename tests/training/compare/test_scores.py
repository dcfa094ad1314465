"""Numbers of the comparison on scores whose quality is known."""

import numpy as np
import pytest
from scipy.stats import beta, norm

from training.compare.protocol import Trial
from training.compare.scores import false_alarm_rate, quality, ranks


def made(normal: int, anomalies: int, protocol: str = "one-class") -> Trial:
    anomalous = np.arange(normal + anomalies) >= normal
    rows = np.zeros((normal + anomalies, 1), np.float32)
    return Trial("made", protocol, 0, ("x",), rows, rows, anomalous)


def test_a_perfect_score_a_useless_one_and_an_upside_down_one():
    trial = made(900, 100)
    perfect, useless = trial.anomalous.astype(float), np.zeros(1000)
    best = quality(trial, perfect, 0.05)
    assert (best.auroc, best.aupr, best.fpr95) == (1, 1, 0)
    nothing = quality(trial, useless, 0.05)
    assert (nothing.auroc, nothing.aupr, nothing.fpr95) == (0.5, pytest.approx(0.1), 1)
    assert quality(trial, -perfect, 0.05).auroc == 0


def test_two_gaussians_are_told_apart_as_well_as_theory_says():
    trial, random = made(20_000, 20_000), np.random.default_rng(0)
    found = quality(trial, random.normal(0, 1, 40_000) + 2 * trial.anomalous, 0.05)
    assert found.auroc == pytest.approx(norm.cdf(2 / 2**0.5), abs=0.005)
    assert found.fpr95 == pytest.approx(norm.sf(norm.ppf(0.05) + 2), abs=0.01)


def test_a_score_that_is_not_finite_counts_as_one_that_knows_nothing():
    trial = made(90, 10)
    scores = trial.anomalous.astype(float)
    scores[0] = np.nan
    assert quality(trial, scores, 0.05) == quality(trial, np.zeros(100), 0.05)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_false_alarms_come_as_often_as_asked_for(alpha):
    trial, random = made(4000, 400), np.random.default_rng(0)
    rate = false_alarm_rate(trial, random.normal(size=4400) + 3 * trial.anomalous, alpha)
    rank = int(alpha * 2001)
    assert beta.ppf(1e-4, rank, 2001 - rank) <= rate <= beta.ppf(1 - 1e-4, rank, 2001 - rank)


def test_anomalies_among_the_calibration_rows_only_make_alarms_rarer():
    random = np.random.default_rng(0)
    scores = random.normal(size=4400) + 3 * made(4000, 400).anomalous
    clean, mixed = (false_alarm_rate(made(4000, 400, name), scores, 0.1) for name in ("one-class", "contaminated"))
    assert mixed < clean / 2


def test_ranks_count_from_the_best_and_share_ties():
    np.testing.assert_array_equal(ranks(np.array([[0.9, 0.8, 0.9], [0.1, 0.2, 0.3]])), [[1.5, 3, 1.5], [3, 2, 1]])
