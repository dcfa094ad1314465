"""What alpha promises: on average, or for the calibration set that was drawn."""

import numpy as np
import pytest
from scipy.stats import beta

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.rules.conformal import p_values
from pofx.rules.promises import CONFIDENCE, pac_rank
from pofx.use.sizes import Size
from pofx.use.verdict import rule as rule_of

LOW = bundle.Statistic(name="log_prob", unit="nats", tail="low", description="")
HIGH = bundle.Statistic(name="combined", unit="", tail="high", description="")


def _score(n: int) -> bundle.Score:
    calibration = bundle.Calibration(file="calibration.npz", n=n, data="")
    return bundle.Score(graph="score", statistics=(HIGH, LOW), calibration=calibration)


def rule(n, statistic, alpha, promise, usual):
    return rule_of(_score(n), [Size(n)], statistic, alpha, promise, usual)


@pytest.mark.parametrize("n", [36, 299, 1000, 5000])
@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.05, 0.3])
def test_the_rank_of_a_strict_promise_is_the_largest_that_keeps_it(n, alpha):
    k = pac_rank(alpha, n)
    keeps = [rank for rank in range(1, n) if beta(rank, n + 1 - rank).cdf(alpha) >= CONFIDENCE]
    assert k == max(keeps, default=0)


@pytest.mark.parametrize(("promise", "share"), [("pac", 0.05), ("marginal", 0.6)])
def test_the_realised_rate_exceeds_alpha_as_seldom_as_promised(promise, share):
    """Uniform statistics: the realised rate of a threshold is known exactly, no test items are needed."""
    n, alpha, random = 500, 0.02, np.random.default_rng(0)
    threshold = rule(n, "log_prob", alpha, promise, 0.01).thresholds[0]
    rates = []
    for _ in range(400):
        calibration = np.sort(random.random(n))
        values = np.linspace(0, 1, 20001)
        rates.append((p_values("low", calibration, values) <= threshold).mean())
    assert np.mean(np.array(rates) > alpha + 1e-4) <= share + 0.03
    assert promise == "pac" or np.mean(rates) == pytest.approx(alpha, rel=0.1)


def test_the_first_statistic_decides_unless_another_is_named():
    assert rule(99, None, 0.05, "marginal", 0.01).statistic == "combined"
    assert rule(99, "log_prob", 0.05, "marginal", 0.01).statistic == "log_prob"
    with pytest.raises(RequestInvalid, match="no statistic 'x'; this model has: combined, log_prob"):
        rule(99, "x", 0.05, "marginal", 0.01)


def test_a_rate_the_calibration_cannot_support_is_refused_with_the_size_that_would():
    with pytest.raises(RequestInvalid, match="calibrated on 299 items"):
        rule(298, None, 0.01, "pac", 0.01)
    assert rule(299, None, 0.01, "pac", 0.01).thresholds[0] == 1 / 300
    with pytest.raises(RequestInvalid, match="calibrated on 99 items"):
        rule(98, None, 0.01, "marginal", 0.01)


@pytest.mark.parametrize("n", [5, 36, 299, 5000])
def test_a_missing_rate_is_raised_until_it_can_fire(n):
    for promise in ("marginal", "pac"):
        found = rule(n, None, None, promise, 0.01)
        assert found.alpha >= 0.01
        assert found.thresholds[0] >= 1 / (n + 1)
