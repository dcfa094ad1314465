"""Laws of families over real dimensions; those that are autoregressive have mixtures of Gaussians as conditionals."""

import pytest
import torch

from tests.training.zoo.cases import CASES, Case, having, in_one_order
from tests.training.zoo.checks import assert_chi_square, draw, noise_of, samples
from training.zoo.base import Autoregressive, FactorisedDensity
from training.zoo.parts.gaussian_conditionals import Mixture


def is_real(case: Case) -> bool:
    return case.facts.space == "real"


REAL = having(FactorisedDensity, where=is_real)
ONE_ORDER = [name for name in having(Autoregressive, where=is_real) if in_one_order(CASES[name])]


def normal(items: int, dims: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(items, dims, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ONE_ORDER)
@pytest.mark.parametrize("mode", ["train", "eval", "compact"])
def test_a_real_conditional_depends_on_earlier_dimensions_only(name, mode):
    family = CASES[name].build().train(mode == "train")
    if mode == "compact":
        family.compact()
    x = normal(64, 5).requires_grad_()
    rows = [torch.autograd.grad(family.dim_log_prob(x)[:, d].sum(), x)[0] for d in range(5)]
    dependence = torch.stack(rows).abs().amax(1)[family.order][:, family.order]
    assert torch.equal(dependence.triu(1), torch.zeros(5, 5))
    assert (dependence.tril().diagonal() > 0).all()
    assert (dependence[torch.tril_indices(5, 5, -1).unbind()] > 0).all()


@pytest.mark.parametrize("name", ONE_ORDER)
def test_the_future_of_a_real_conditional_may_be_anything(name):
    family, x = CASES[name].build(), normal(3, 5)
    for place in range(4):
        poisoned = x.clone()
        poisoned[:, family.order[place + 1 :]] = 1e30
        now = family.order[: place + 1]
        torch.testing.assert_close(family.dim_log_prob(poisoned)[:, now], family.dim_log_prob(x)[:, now])


@pytest.mark.parametrize("name", REAL)
def test_a_real_density_integrates_to_one_and_is_that_of_its_samples(name):
    model, count, cells, fine = CASES[name].with_shape(2).build(), 20_000, 15, 30
    x = samples(model, count, 3)
    side = 1.01 * float(x.abs().max())
    width = 2 * side / (cells * fine)
    axis = (torch.arange(cells * fine) + 0.5) * width - side
    density = model.log_prob(torch.cartesian_prod(axis, axis)).double().exp()
    mass = density.reshape(cells, fine, cells, fine).sum((1, 3)).flatten() * width**2
    assert float(mass.sum()) == pytest.approx(1, abs=2e-3)
    index = torch.clamp(((x + side) / (width * fine)).long(), 0, cells - 1)
    observed = torch.bincount(index[:, 0] * cells + index[:, 1], minlength=cells**2)
    assert_chi_square(observed, mass / mass.sum() * count)


@pytest.mark.parametrize("name", ONE_ORDER)
def test_a_sample_is_that_of_one_pass_per_column(name):
    model, degrees = CASES[name].with_shape(6).build(), torch.linspace(0.3, 2.0, 64)
    component, eps = noise_of(model, 64, 1)
    naive = torch.zeros(64, 6)
    for d in model.order:
        every = model.conditionals(naive)
        mixture = Mixture(*(part[:, d] for part in (every.log_weights, every.means, every.sigmas)))
        naive[:, d] = mixture.draw(component[:, d], eps[:, d], degrees).float()
    fast, _ = draw(model, [component, eps], degrees)
    torch.testing.assert_close(fast, naive, atol=1e-5, rtol=1e-5)  # products add in another order
