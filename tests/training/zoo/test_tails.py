"""Tail probabilities of conditionals: those of the normal law, uniform on the model's own samples, blind to volume."""

import numpy as np
import pytest
import torch
from scipy.special import log_ndtr
from scipy.stats import kstest

from tests.training.zoo.cases import CASES, Case, having
from training.cells.normal_law import log_between, log_upper_tail, mixture_log_tail
from training.evaluate.sampling import sample
from training.transforms import DataFacts, Standardise
from training.zoo import FAMILIES
from training.zoo.base import FactorisedDensity, Facts


def tailed(case: Case) -> bool:
    return case.fresh().tailed


TAILED = having(FactorisedDensity, where=tailed)


def test_normal_tails_are_right_from_the_middle_to_the_end_of_the_numbers():
    z = torch.from_numpy(np.concatenate([np.linspace(0, 50, 5001), np.geomspace(50, 1e15, 100)]))
    np.testing.assert_allclose(log_upper_tail(z).numpy(), log_ndtr(-z.numpy()), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("width", [1e-6, 1e-3, 0.03, 0.7, 5.0])
def test_what_lies_between_two_numbers_is_right_wherever_they_are(width):
    low = torch.from_numpy(np.concatenate([np.linspace(-38, 38, 2001), [-1e6, 1e6]]))
    found = log_between(low, low + width).numpy()
    far, near = (np.minimum(abs(low.numpy()), abs(low.numpy() + width)), np.minimum(-low.numpy(), low.numpy() + width))
    upper = log_ndtr(-far)
    lower = log_ndtr(-far - width)
    aside = near < 0
    expected = np.where(aside, upper + np.log(-np.expm1(np.where(aside, lower - upper, -1))), 0)
    straddling = np.exp(log_ndtr(low.numpy() + width)) - np.exp(log_ndtr(low.numpy()))
    expected = np.where(aside, expected, np.log(np.where(aside, 1, straddling)))
    np.testing.assert_allclose(found[:-2], expected[:-2], rtol=1e-5, atol=2e-5)
    assert np.isfinite(found).all()


def test_cells_of_a_line_sum_to_one():
    for width in (0.004, 0.3, 2.0):
        ends = torch.arange(-40, 40 + width, width, dtype=torch.float64) + 0.1
        assert float(log_between(ends[:-1], ends[1:]).exp().sum()) == pytest.approx(1, abs=1e-6)


def test_the_tail_of_a_mixture_is_that_of_its_distribution_function():
    weights, means, sigmas = torch.tensor([[0.3, 0.7], [-1.0, 2.0], [0.5, 3.0]], dtype=torch.float64)
    x = torch.linspace(-30, 30, 200, dtype=torch.float64)
    z = (x[:, None] - means) / sigmas
    below = (weights * torch.exp(torch.from_numpy(log_ndtr(z.numpy())))).sum(1)
    above = (weights * torch.exp(torch.from_numpy(log_ndtr(-z.numpy())))).sum(1)
    expected = (2 * torch.minimum(below, above)).log()
    torch.testing.assert_close(mixture_log_tail(weights.log(), z, 1), expected, rtol=1e-6, atol=1e-6)
    assert float(mixture_log_tail(weights.log(), z, 1).max()) <= 0


@pytest.mark.parametrize("name", [name for name in TAILED if name != "made-real-in-two-orders"])
def test_tail_probabilities_of_a_models_own_samples_are_uniform_in_every_dimension(name):
    model, transform = CASES[name].with_shape(3).build(), Standardise(DataFacts("row", (3,)), Standardise.Options())
    drawn = sample(model, transform, 4000, seed=1)
    tails = model.dim_log_tail(drawn).exp().numpy()
    assert min(kstest(column, "uniform").pvalue for column in tails.T) > 1e-3
    assert abs(np.corrcoef(tails.T) - np.eye(3)).max() < 0.06


@pytest.mark.parametrize("name", TAILED)
def test_tails_stay_finite_far_away_and_only_grow_longer(name):
    model = CASES[name].with_shape(3).build()
    direction = torch.ones(1, 3)
    far = torch.cat([model.dim_log_tail(step * direction).sum(1) for step in (30.0, 300.0, 3000.0)])
    assert torch.isfinite(far).all()
    assert (far.diff() < 0).all()


def test_a_tail_does_not_see_how_small_a_component_is():
    """Of two components alike but for their size, the centres are equally unsuspicious, and not equally likely."""
    family = FAMILIES["gmm"]
    model = family(
        Facts((2,), "real"), family.Options(components=(2,), covariances=("full",), regularisations=(1e-6,), restarts=1)
    )
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(4000, 2, generator=random)
    rows[:2000] = 0.01 * rows[:2000] - 100
    model.fit(rows, rows, 0)
    x = torch.tensor([[-100.0, -100.0], [0.0, 0.0]])
    small, large = model.log_prob(x)
    assert small - large > 8
    tails = model.dim_log_tail(x)[:, 1]  # given the first column, it is known which component it is
    assert float(tails.exp().min()) > 0.9


def test_binary_dimensions_have_no_tails():
    assert not FAMILIES["made"](Facts((4,), "binary", 2), FAMILIES["made"].Options()).tailed
