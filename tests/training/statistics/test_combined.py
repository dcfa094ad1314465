"""Laws of one statistic made of many."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm
from torch import Tensor

from pofx.rules.conformal import p_values, ranked
from training.statistics import Evidence, Statistics
from training.statistics.background import ContextTable
from training.statistics.base import Statistic
from training.statistics.complexity import Complexity
from training.statistics.contexts import BinaryNeighbours
from training.statistics.latent import LatentDistance, Reconstruction
from training.statistics.likelihood import LogProb, Surprise, Tail, Typicality
from training.statistics.likelihood_ratio import LikelihoodRatio

LATENT = 2
SHAPE = (1, 3, 3)


def _everything() -> Statistics:
    """Every statistic that joins, and two that do not."""
    contexts = BinaryNeighbours()
    parts: list[Statistic] = [
        LogProb("log-density"),
        Typicality(),
        Complexity(contexts, 9),
        LikelihoodRatio(ContextTable(contexts)),
        Surprise(),
        Tail(),
        Reconstruction(),
        LatentDistance(LATENT),
    ]
    return Statistics(parts)


def _items(n: int, seed: int) -> Evidence:
    """Pictures with dependent, skewed numbers beside them."""
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand((n, *SHAPE), generator=generator) < 0.3).float()
    terms = -torch.empty(n, 9).exponential_(generator=generator) * (1 + x.flatten(1))
    codes = torch.randn((n, LATENT), generator=generator)
    return Evidence(
        x,
        terms.sum(1),
        terms,
        reconstruction=codes.square().sum(1),
        rate=codes.abs().sum(1),
        latent=codes,
        tail=terms.square().sum(1),
    )


@pytest.fixture(scope="module")
def fitted() -> Statistics:
    statistics = _everything()
    statistics.fit(_items(300, 0).x, _items(300, 1))
    return statistics


def _oriented(statistics: Statistics, evidence: Evidence) -> Tensor:
    """Values of the parts that join, high ones anomalous, (n, parts)."""
    return torch.stack([part.oriented(part(evidence)) for part in statistics.combined.parts], 1)


def test_it_decides_first_and_is_made_of_those_that_join(fitted):
    assert fitted.members[0] is fitted.combined
    assert [part.name for part in fitted.combined.parts] == [part.name for part in fitted.parts if part.joins]
    assert all(part.name in fitted.combined.description for part in fitted.combined.parts)


def test_all_at_once_is_each_alone(fitted):
    evidence = _items(20, 2)
    for found, member in zip(fitted(evidence), fitted.members, strict=True):
        assert torch.allclose(found, member(evidence))


def test_it_is_the_sum_over_parts_of_their_squared_distance_into_the_tail(fitted):
    held, found = (_oriented(fitted, _items(n, seed)).double().numpy() for n, seed in ((300, 1), (20, 2)))
    median, high = np.median(held, axis=0), np.quantile(held, norm.cdf(1), axis=0)
    expected = np.logaddexp(0, (found - median) / (high - median)) ** 2
    assert np.allclose(fitted.combined(_items(20, 2)), expected.sum(1), rtol=1e-2)


def test_it_grows_with_every_part_and_without_bound(fitted):
    usual = _oriented(fitted, _items(10, 3))
    for part, scale in enumerate(fitted.combined.scale):
        one = torch.eye(usual.shape[1])[part] * scale
        values = [fitted.combined.of(usual + step * one) for step in (0.0, 1.0, 3.0, 10.0, 1e3, 1e6)]
        assert all(torch.all(more > less) for less, more in itertools.pairwise(values))
        assert torch.all(values[-1] > 1e11)


def test_no_part_can_outweigh_another_by_being_very_normal(fitted):
    usual = _oriented(fitted, _items(10, 3))
    best = usual.clone()
    best[:, 1:] = -1e9
    alone = torch.nn.functional.softplus((usual - fitted.combined.median) / fitted.combined.scale).square()[:, 0]
    assert torch.allclose(fitted.combined.of(best), alone)


def test_it_depends_on_no_unit():
    """Nats or bits of every part: the same number."""
    log_prob = _items(300, 4).log_prob
    values = []
    for unit in (1.0, 1000.0):
        held = Evidence(torch.zeros(300, 1), unit * log_prob, tail=-unit * log_prob)
        statistics = Statistics([LogProb("log-density"), Tail()])
        statistics.fit(held.x, held)
        values.append(statistics.combined(held))
    assert torch.allclose(*values, rtol=1e-3, atol=1e-4)


def test_what_is_impossible_is_infinitely_far_out_and_not_unknown(fitted):
    usual = _items(3, 5)
    impossible = Evidence(**{**vars(usual), "log_prob": torch.full((3,), -torch.inf)})
    values = dict(zip((member.name for member in fitted.members), fitted(impossible), strict=True))
    assert values["combined"].tolist() == [torch.inf] * 3
    assert values["complexity"].tolist() == [torch.inf] * 3
    assert values["likelihood_ratio"].tolist() == [-torch.inf] * 3
    assert not any(value.isnan().any() for value in values.values())


@pytest.mark.parametrize("name", ["log_prob", "tail", "reconstruction"])
def test_infinite_held_out_items_do_not_spoil_the_fit(name):
    held = _items(300, 6)
    getattr(held, name)[:3] = -torch.inf if name == "log_prob" else torch.inf
    statistics = _everything()
    statistics.fit(held.x, held)
    assert statistics.combined.median.isfinite().all()
    assert statistics.combined.scale.isfinite().all()
    assert statistics.combined(_items(20, 7)).isfinite().all()


def test_a_part_that_is_constant_on_normal_items_divides_by_no_zero():
    held = Evidence(torch.zeros(50, 1), torch.full((50,), -2.0))
    statistics = Statistics([LogProb("log-density")])
    statistics.fit(held.x, held)
    found = statistics.combined(Evidence(torch.zeros(3, 1), torch.tensor([-1.0, -2.0, -3.0])))
    assert found.isfinite().all()
    assert found[2] > found[1] > found[0]


def test_p_values_of_normal_items_are_uniform(fitted):
    calibration = ranked({"combined": fitted.combined(_items(4000, 8)).numpy()})["combined"]
    fresh = fitted.combined(_items(2000, 9)).double().numpy()
    assert kstest(p_values("high", calibration, fresh), "uniform").pvalue > 0.001


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_false_alarms_are_as_promised_on_average_over_calibration_sets(fitted, alpha):
    values = fitted.combined(_items(60_000, 10)).double().numpy().reshape(300, 200)
    rates = [
        (p_values("high", np.sort(items[:99]), items[99:]) <= alpha).mean() for items in values
    ]  # 99: alpha of 0.01, 0.05 and 0.1 are all a multiple of 1 / 100
    assert np.mean(rates) == pytest.approx(alpha, abs=4 * np.std(rates) / np.sqrt(len(rates)))
