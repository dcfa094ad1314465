"""Tail probabilities of conditionals: those of the normal law, uniform on the model's own samples, blind to volume."""

import numpy as np
import pytest
import torch
from scipy.special import log_ndtr
from scipy.stats import kstest

from tests.training.zoo.cases import CASES, Case, having
from training.evaluate.sampling import sample
from training.transforms import DataFacts, Standardise
from training.zoo import FAMILIES
from training.zoo.base import FactorisedDensity, Facts
from training.zoo.parts.normal_law import log_upper_tail, mixture_log_tail


def tailed(case: Case) -> bool:
    return case.fresh().tailed


TAILED = having(FactorisedDensity, where=tailed)


def test_normal_tails_are_right_from_the_middle_to_the_end_of_the_numbers():
    z = torch.from_numpy(np.concatenate([np.linspace(0, 50, 5001), np.geomspace(50, 1e15, 100)]))
    np.testing.assert_allclose(log_upper_tail(z).numpy(), log_ndtr(-z.numpy()), rtol=1e-6, atol=1e-7)


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
