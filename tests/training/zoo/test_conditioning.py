"""Gaussian mixtures given any of their dimensions: the rest has the conditional distribution of the textbook."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from tests.training.zoo.cases import CASES, having
from training.export.graphs import completes, computations
from training.export.onnx import OnnxRunner, to_onnx
from training.export.torchscript import TorchScriptRunner, to_torchscript
from training.transforms import DataFacts, Standardise
from training.zoo.base import ConditioningSampler, Known, takes_label
from training.zoo.naive_bayes import NaiveBayes

COUNT, DIMS = 60_000, 4


@pytest.fixture(scope="module", params=having(ConditioningSampler, where=lambda case: case.facts.space == "real"))
def family(request):
    return CASES[request.param].build()


def drawn(family, known=None, count=COUNT, degrees=1.0, label=None):
    generator = torch.Generator().manual_seed(4)
    noise = [item.draw(count, generator) for item in family.noise]
    told = {} if label is None else {"label": torch.full((count,), label)}
    return family.generate(*noise, temperature=torch.full((count,), degrees), known=known, **told)[0].double()


def told_of(values, seen, count=COUNT):
    """What is known of samples: the values of the dimensions that are seen, and anything elsewhere."""
    mask = torch.zeros(DIMS, dtype=torch.bool)
    mask[seen] = True
    return Known(torch.where(mask, values, 77.0).expand(count, -1), mask.expand(count, -1))


def moments(family):
    """Means and Cholesky factors of the components."""
    if isinstance(family, NaiveBayes):
        return family.tables.means.numpy(), torch.diag_embed(family.tables.deviations).numpy()
    return family.means.numpy(), family.cholesky.numpy()


def textbook(family, values, seen):
    """Weights (k,), means (k, rest) and covariances (k, rest, rest) of the components given what is seen."""
    rest = [place for place in range(DIMS) if place not in seen]
    means, factors = moments(family)
    x, parts = values.double().numpy()[seen], []
    for log_weight, mean, covariance in zip(family.log_weights.numpy(), means, factors @ factors.mT, strict=True):
        inner, cross = covariance[np.ix_(seen, seen)], covariance[np.ix_(rest, seen)]
        joint = log_weight + multivariate_normal(mean[seen], inner).logpdf(x)
        centre = mean[rest] + cross @ np.linalg.solve(inner, x - mean[seen])
        parts.append((joint, centre, covariance[np.ix_(rest, rest)] - cross @ np.linalg.solve(inner, cross.T)))
    joint, centres, covariances = map(np.stack, zip(*parts, strict=True))
    return np.exp(joint - np.logaddexp.reduce(joint)), centres, covariances


@pytest.fixture
def values(family):
    """An item between the clusters, so that more than one component is possible."""
    return drawn(family, count=500).mean(0).float() + torch.tensor([0.3, -0.2, 0.1, 0.4])


SEEN = [[0], [3], [1, 3], [0, 1], [1, 2, 3]]


@pytest.mark.parametrize("seen", SEEN)
def test_components_weigh_what_they_do_given_what_is_known(family, values, seen):
    weights, _, _ = textbook(family, values, seen)
    found = family.weights_given(told_of(values, seen, 2))
    np.testing.assert_allclose(found, [weights, weights], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("degrees", [1.0, 0.5])
@pytest.mark.parametrize("seen", SEEN)
def test_the_rest_has_the_moments_of_its_conditional_distribution(family, values, seen, degrees):
    weights, centres, covariances = textbook(family, values, seen)
    mean = weights @ centres
    apart = centres - mean
    spread = np.einsum("k,kij->ij", weights, degrees**2 * covariances + apart[:, :, None] * apart[:, None, :])
    x = drawn(family, told_of(values, seen), degrees=degrees)
    assert torch.equal(x[:, seen], values[seen].double().expand(COUNT, -1))
    rest = [place for place in range(DIMS) if place not in seen]
    scale = np.sqrt(np.diag(spread))
    np.testing.assert_allclose(x[:, rest].mean(0) / scale, mean / scale, atol=5 / COUNT**0.5)
    found = np.atleast_2d(np.cov(x[:, rest].T)) / np.outer(scale, scale)
    np.testing.assert_allclose(found, spread / np.outer(scale, scale), atol=0.03)


def test_where_nothing_is_known_samples_are_what_they_were(family):
    nothing = Known(torch.full((100, DIMS), 5.0), torch.zeros(100, DIMS, dtype=torch.bool))
    assert torch.equal(drawn(family, nothing, 100), drawn(family, None, 100))


@pytest.mark.parametrize("seen", [[3], [0, 2]])
def test_a_label_that_is_told_counts_beside_what_is_known(family, values, seen):
    if not takes_label(family):
        with pytest.raises(TypeError, match="label"):
            drawn(family, count=2, label=1)
        return
    _, centres, covariances = textbook(family, values, seen)
    x = drawn(family, told_of(values, seen), label=1)[:, [place for place in range(DIMS) if place not in seen]]
    scale = np.sqrt(np.diag(covariances[1]))
    np.testing.assert_allclose(x.mean(0) / scale, centres[1] / scale, atol=5 / COUNT**0.5)


@pytest.mark.parametrize("runner", ["onnx", "torchscript"])
@pytest.mark.parametrize("name", ["gmm-full", "gda", pytest.param("naive_bayes", marks=pytest.mark.full)])
def test_graphs_condition_as_the_family_does(name, runner):
    family = CASES[name].build()
    transform = Standardise(DataFacts("row", (DIMS,)), Standardise.Options())
    transform.fit(CASES["gmm-full"].data(100)[0].numpy())
    assert completes(family, transform)
    graph = computations(family, transform)["generate"]
    run = (
        OnnxRunner(to_onnx(graph, half_weights=False)) if runner == "onnx" else TorchScriptRunner(to_torchscript(graph))
    )
    for batch in (1, 5):
        *arrays, mask = graph.example(batch, torch.Generator().manual_seed(batch))
        for seen in (mask, torch.zeros_like(mask), torch.ones_like(mask)):
            found = run(*(array.numpy() for array in (*arrays, seen)))
            np.testing.assert_allclose(found[0], graph.module(*arrays, seen)[0], rtol=1e-4, atol=1e-4)
