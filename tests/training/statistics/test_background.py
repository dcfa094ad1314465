"""Codes and backgrounds are distributions over items, and do what their sequential definition says."""

import math

import numpy as np
import pytest
import torch

from training.statistics import Evidence
from training.statistics.background import ContextTable
from training.statistics.complexity import Complexity
from training.statistics.likelihood_ratio import LikelihoodRatio


def _sequential_length(context: np.ndarray, symbol: np.ndarray, symbols: int) -> float:
    """−Σ log of the predictive probability of each symbol given those before it in its context, nats."""
    prior = 0.5 if symbols == 2 else 1 / symbols
    seen: dict[int, list[int]] = {}
    length = 0.0
    for where, value in zip(context.astype(int), symbol.astype(int), strict=True):
        before = seen.setdefault(where, [])
        length -= math.log((before.count(value) + prior) / (len(before) + prior * symbols))
        before.append(value)
    return length


@pytest.mark.parametrize("order", ["reading", "shuffled"])
def test_the_code_length_is_that_of_a_sequential_coder_in_any_order(space, order):
    x = space.some(20)
    context, symbol = (found.numpy() for found in space.contexts(x))
    places = np.arange(space.dims)
    if order == "shuffled":
        places = np.random.default_rng(0).permutation(places)
    expected = [
        _sequential_length(c[places], s[places], space.contexts.symbols) for c, s in zip(context, symbol, strict=True)
    ]
    assert Complexity(space.contexts, space.dims).code_length(x).tolist() == pytest.approx(expected, abs=1e-4)


def test_the_code_could_be_sent(space):
    """Kraft: Σ exp(−length) ≤ 1 over all items; the ideal code wastes nothing, so that it is 1."""
    lengths = Complexity(space.contexts, space.dims).code_length(space.every()).double()
    assert lengths.min() > 0
    assert float((-lengths).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_no_code_is_shorter_than_that_of_an_item_without_surprises(space):
    x = space.every()
    lengths = Complexity(space.contexts, space.dims).code_length(x)
    flat = space.contexts(x)[1].sum(1) == 0  # every symbol is 0: as predicted
    assert lengths[flat].tolist() == pytest.approx([float(lengths.min())], abs=1e-5)


def test_complexity_is_the_length_that_the_model_needs_beyond_the_code(space):
    x, log_prob = space.some(6), torch.linspace(-30, -1, 6)
    statistic = Complexity(space.contexts, space.dims)
    assert torch.allclose(statistic(Evidence(x, log_prob)), -log_prob - statistic.code_length(x))


def _fitted(space, seed: int = 1) -> ContextTable:
    background = ContextTable(space.contexts)
    background.fit(space.some(30, seed))
    return background


def test_the_background_is_a_distribution(space):
    assert float(_fitted(space)(space.every()).double().exp().sum()) == pytest.approx(1, abs=1e-5)


def test_the_background_is_the_product_of_smoothed_frequencies(space):
    fitted, x = _fitted(space), space.some(5, 2)
    counts = sum(space.contexts.counts(view).sum(0) for view in space.contexts.views(space.some(30, 1))) + 0.5
    shares = (counts / counts.sum(1, keepdim=True)).log()
    expected = (space.contexts.counts(x) * shares).sum((1, 2))
    assert torch.allclose(fitted(x), expected, atol=1e-4)


def test_orientation_does_not_change_the_background(pictures):
    x = pictures.some(30)
    for view in pictures.contexts.views(x):
        upright, turned = ContextTable(pictures.contexts), ContextTable(pictures.contexts)
        upright.fit(x)
        turned.fit(view)
        assert torch.equal(upright.log_prob, turned.log_prob)


def test_fitting_on_other_items_changes_the_background(space):
    assert not torch.equal(_fitted(space, 1).log_prob, _fitted(space, 5).log_prob)


def test_the_ratio_is_zero_for_a_model_that_knows_no_more_than_the_background(space):
    ratio, x = LikelihoodRatio(ContextTable(space.contexts)), space.some(30)
    ratio.fit(x, Evidence(x, torch.zeros(30)))
    assert torch.equal(ratio(Evidence(x, ratio.background(x))), torch.zeros(30))
    assert torch.allclose(ratio(Evidence(x, ratio.background(x) - 7)), torch.full((30,), -7.0))
