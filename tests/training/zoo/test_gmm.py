"""Mixtures of Gaussians: a density, the chain rule, and equality with scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from tests.training.zoo.checks import assert_chi_square
from training.zoo import FAMILIES
from training.zoo.base import Facts


def _fitted_gmm(dims: int = 2, items: int = 400, **options):
    family = FAMILIES["gmm"]
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(items, dims, generator=generator) @ torch.randn(dims, dims, generator=generator)
    x[::3] += 3.0
    model = family(Facts((dims,), "real"), family.Options(**options))
    model.fit(x[:300], x[300:], seed=0)
    return model.eval(), x


def test_the_density_of_a_mixture_integrates_to_one():
    model, _ = _fitted_gmm()
    axis = torch.linspace(-30, 30, 1201)
    grid = torch.cartesian_prod(axis, axis)
    total = sum(float(model.log_prob(part).double().exp().sum()) for part in grid.split(200_000))
    assert total * 0.05**2 == pytest.approx(1, abs=1e-3)


def test_conditionals_of_a_mixture_are_those_of_the_chain_rule():
    model, x = _fitted_gmm(dims=3)
    dims = model.dim_log_prob(x)
    torch.testing.assert_close(dims.sum(1).double(), torch.logsumexp(model.joint(x), 1), atol=1e-4, rtol=1e-5)
    changed = x.clone()
    changed[:, 2] += 1.0
    torch.testing.assert_close(model.dim_log_prob(changed)[:, :2], dims[:, :2])


def test_samples_of_a_mixture_follow_its_density():
    model, _ = _fitted_gmm(dims=1)
    generator = torch.Generator().manual_seed(3)
    noise = [item.draw(50_000, generator) for item in model.noise]
    x, _ = model.generate(*noise, temperature=torch.ones(50_000))
    edges = torch.linspace(float(x.min()) - 1, float(x.max()) + 1, 60)
    fine = torch.linspace(float(edges[0]), float(edges[-1]), 60 * 200 + 1)[:-1, None]
    mass = model.log_prob(fine).double().exp().reshape(60, 200).mean(1)
    observed = torch.histc(x, 60, float(edges[0]), float(edges[-1]))
    assert_chi_square(observed, mass / mass.sum() * 50_000)


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_a_mixture_equals_that_of_scikit_learn(covariance):
    options = {"components": (3,), "covariances": (covariance,), "regularisations": (1e-3,), "restarts": 1}
    model, x = _fitted_gmm(dims=4, **options)
    reference = GaussianMixture(3, covariance_type=covariance, reg_covar=1e-3, n_init=1, max_iter=300, random_state=0)
    reference.fit(x[:300].double().numpy())
    exact = torch.logsumexp(model.joint(x), 1).numpy()
    np.testing.assert_allclose(exact, reference.score_samples(x.double().numpy()), rtol=1e-6, atol=1e-6)
    responsibilities = np.sort(reference.predict_proba(x.double().numpy()), 1)
    np.testing.assert_allclose(np.sort(model.embed(x).numpy(), 1), responsibilities, atol=1e-5)
