"""Statistics of log p(x) and its terms, against numpy."""

import numpy as np
import pytest
import torch

from training.statistics import Evidence
from training.statistics.likelihood import LogProb, Surprise, SurpriseTail, Tail, Typicality


def _evidence(n: int, dims: int) -> Evidence:
    terms = -torch.empty(n, dims).exponential_(generator=torch.Generator().manual_seed(dims))
    return Evidence(torch.zeros(n, dims), terms.sum(1), terms, tail=terms.abs().sum(1))


@pytest.mark.parametrize("dims", [1, 7, 20, 21, 64])
def test_surprise_is_the_largest_term(dims):
    evidence = _evidence(9, dims)
    assert np.allclose(Surprise()(evidence), (-evidence.terms.numpy()).max(1))


@pytest.mark.parametrize(("dims", "most"), [(1, 1), (7, 1), (20, 1), (21, 2), (64, 4), (784, 40)])
def test_the_tail_of_surprise_is_the_mean_of_the_largest_twentieth(dims, most):
    evidence = _evidence(9, dims)
    expected = np.sort(-evidence.terms.numpy(), axis=1)[:, -most:].mean(1)
    assert np.allclose(SurpriseTail()(evidence), expected)


def test_surprise_does_not_depend_on_the_order_of_dimensions_and_grows_with_one_of_them():
    evidence = _evidence(9, 64)
    turned = Evidence(evidence.x, evidence.log_prob, evidence.terms.flip(1))
    worse = Evidence(evidence.x, evidence.log_prob, evidence.terms - 50 * torch.eye(64)[3])
    for statistic in (Surprise(), SurpriseTail()):
        assert torch.allclose(statistic(evidence), statistic(turned))
        assert torch.all(statistic(worse) > statistic(evidence))


def test_typicality_is_the_distance_from_the_median_of_what_is_finite():
    held = _evidence(51, 8)
    spoilt = Evidence(held.x, torch.cat([held.log_prob, torch.tensor([-torch.inf])]))
    statistic = Typicality()
    statistic.fit(held.x, spoilt)
    median = float(np.median(held.log_prob.numpy()))
    found = statistic(Evidence(held.x[:3], torch.tensor([median - 4, median + 4, -torch.inf])))
    assert found.tolist() == pytest.approx([4, 4, np.inf], abs=1e-4)


def test_what_the_model_says_is_passed_on():
    evidence = _evidence(9, 4)
    assert torch.equal(LogProb("log-density")(evidence), evidence.log_prob)
    assert torch.equal(Tail()(evidence), evidence.tail)


def test_orientation_makes_high_values_anomalous():
    values = torch.tensor([-3.0, 2.0])
    assert LogProb("log-density").oriented(values).tolist() == [3, -2]
    assert Surprise().oriented(values).tolist() == [-3, 2]
