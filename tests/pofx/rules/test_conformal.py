"""Conformal p-values keep their promise, by simulation."""

import numpy as np
import pytest
from scipy.stats import kstest

from pofx.rules.conformal import p_values, ranked


@pytest.mark.parametrize("tail", ["low", "high"])
def test_p_values_of_normal_items_are_uniform(tail):
    random = np.random.default_rng(0)
    calibration = np.sort(random.normal(size=5000))
    assert kstest(p_values(tail, calibration, random.normal(size=3000)), "uniform").pvalue > 0.001


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_the_promised_rate_holds_on_average_even_with_ties(alpha):
    random = np.random.default_rng(1)
    rates = []
    for _ in range(400):
        calibration = np.sort(random.poisson(3, 199).astype(float))
        rates.append((p_values("low", calibration, random.poisson(3, 200).astype(float)) <= alpha).mean())
    assert np.mean(rates) <= alpha + 3 * np.std(rates) / 20


def test_the_smallest_p_value_is_one_over_n_plus_one():
    calibration = np.arange(99.0)
    assert p_values("low", calibration, np.array([-1e9])) == pytest.approx([0.01])
    assert p_values("high", calibration, np.array([1e9])) == pytest.approx([0.01])
    assert p_values("low", calibration, np.array([1e9])) == pytest.approx([1.0])


def test_calibration_is_sorted_and_double():
    result = ranked({"log_prob": np.array([3.0, 1.0, 2.0], np.float32)})
    assert result["log_prob"].tolist() == [1.0, 2.0, 3.0]
    assert result["log_prob"].dtype == np.float64


def test_labels_follow_the_values_they_belong_to():
    random = np.random.default_rng(3)
    values = {"log_prob": random.normal(size=300).astype(np.float32), "distance": random.poisson(3, 300)}
    labels = random.integers(0, 3, 300).astype(np.uint8)
    found = ranked(values, labels)
    for name, own in values.items():
        assert found[f"{name}.label"].dtype == np.uint8
        for label in range(3):
            kept = found[name][found[f"{name}.label"] == label]
            assert kept.tolist() == sorted(own[labels == label].astype(float).tolist())
    assert {name: found[name].tolist() for name in values} == {
        name: array.tolist() for name, array in ranked(values).items()
    }
