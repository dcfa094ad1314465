"""Bounds of the variational autoencoder against its density by quadrature, its code against torch's distributions."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from tests.training.zoo.checks import assert_chi_square, everything
from training.scoring import Scoring
from training.transforms import Binarise, DataFacts
from training.zoo import FAMILIES
from training.zoo.base import Facts
from training.zoo.vae import Vae

SIDE = 5


def _vae():
    torch.manual_seed(0)
    family = FAMILIES["vae"]
    return family(Facts((1, SIDE, SIDE), "binary", 2), family.Options(hidden=(7,), latent=3, score_samples=4)).eval()


def test_reconstruction_rate_and_code_are_those_of_the_posterior_mean():
    vae, x = _vae(), torch.bernoulli(torch.full((6, 1, SIDE, SIDE), 0.5))
    with torch.no_grad():
        errors, rate, code = vae.coding(x)
        mean, log_variance = vae.posterior(x)
        expected = -Bernoulli(logits=vae.decoder(mean)).log_prob(x.flatten(1)).reshape(x.shape)
        divergence = kl_divergence(Normal(mean, torch.exp(log_variance / 2)), Normal(0.0, 1.0)).sum(1)
    assert torch.equal(code, mean)
    assert torch.allclose(errors, expected, atol=1e-5)
    assert torch.allclose(rate, divergence, rtol=1e-4, atol=1e-5)


def test_the_error_per_pixel_sums_to_the_reconstruction_error():
    raw = torch.randint(0, 256, (6, SIDE, SIDE, 1), dtype=torch.uint8)
    scoring = Scoring(_vae(), Binarise(DataFacts("image", (SIDE, SIDE, 1)), Binarise.Options())).eval()
    with torch.no_grad():
        found = dict(zip(scoring.names, scoring(raw, torch.randn(4, 3)), strict=True))
    assert found["reconstruction_error"].shape == (6, SIDE, SIDE)
    assert torch.all(found["reconstruction_error"] >= 0)
    assert torch.allclose(found["reconstruction_error"].sum((1, 2)), found["reconstruction"], rtol=1e-5)


def _far_from_the_start(latent: int) -> Vae:
    """A model whose posterior is about as wide as the prior, so that importance weights are not degenerate."""
    family = Vae(Facts((1, 2, 2), "binary", 2), Vae.Options(hidden=(6,), latent=latent, score_samples=5))
    generator = torch.Generator().manual_seed(0)
    for parameter in family.parameters():
        parameter.data = 0.7 * torch.randn(parameter.shape, generator=generator)
    for parameter in family.encoder.parameters():
        parameter.data *= 0.5
    return family.eval().requires_grad_(False)


def test_samples_of_a_vae_follow_its_density():
    family, count = _far_from_the_start(1), 50_000
    generator = torch.Generator().manual_seed(5)
    x, _ = family.generate(*[item.draw(count, generator) for item in family.noise], temperature=torch.ones(count))
    observed = torch.bincount((x.flatten(1) @ (2.0 ** torch.arange(3, -1, -1))).long(), minlength=16)
    assert_chi_square(observed, _exact_vae(family).exp() * count)


def _exact_vae(family: Vae) -> torch.Tensor:
    """log p(x) of all images by quadrature over a one-dimensional z, shape (images,)."""
    z = torch.linspace(-8, 8, 4001)[:, None]
    logits = family.decoder(z)  # (z, dims)
    x = everything(family).flatten(1)
    log_likelihood = (x[:, None] * logits - nn.functional.softplus(logits)).sum(2).double()  # (images, z)
    log_prior = (-0.5 * z[:, 0] ** 2 - 0.5 * math.log(2 * math.pi)).double()
    return torch.logsumexp(log_likelihood + log_prior + math.log(16 / 4000), 1)


def test_bounds_are_in_order_and_tighten_to_the_truth():
    family = _far_from_the_start(1)
    x, exact = everything(family), _exact_vae(family)
    assert float(torch.logsumexp(exact, 0)) == pytest.approx(0, abs=1e-6)
    generator = torch.Generator().manual_seed(2)

    def average(k: int, repeats: int) -> torch.Tensor:
        draws = [family.importance_weighted_bound(x, torch.randn(k, 1, generator=generator)) for _ in range(repeats)]
        return torch.stack(draws).double().mean(0)

    elbo = torch.stack([family.elbo(x, torch.randn(len(x), 1, generator=generator)) for _ in range(4000)]).double()
    five, fifty, many = average(5, 2000), average(50, 1000), average(5000, 20)
    assert (elbo.mean(0) <= five + 0.02).all()
    assert (five <= fifty + 0.02).all()
    assert (fifty <= exact + 0.02).all()
    torch.testing.assert_close(many, exact, atol=0.05, rtol=0)
    assert float((exact - elbo.mean(0)).mean()) > 0.1  # the order above was not trivial


def test_one_importance_sample_is_an_unbiased_elbo():
    family = _far_from_the_start(2)
    x = everything(family)
    generator = torch.Generator().manual_seed(4)
    eps = torch.randn(4000, 1, 2, generator=generator)
    weighted = torch.stack([family.importance_weighted_bound(x, e) for e in eps]).mean(0)
    closed_form_kl = torch.stack([family.elbo(x, e.expand(len(x), 2)) for e in eps]).mean(0)
    torch.testing.assert_close(weighted, closed_form_kl, atol=0.15, rtol=0)


def test_one_fixed_draw_estimates_the_bound_and_may_exceed_the_truth():
    family = _far_from_the_start(1)
    x, exact = everything(family), _exact_vae(family)
    generator = torch.Generator().manual_seed(3)
    draws = torch.stack([family.log_prob(x, torch.randn(5, 1, generator=generator)) for _ in range(4000)]).double()
    error = draws.std(0) / math.sqrt(len(draws))
    assert (draws.mean(0) <= exact + 4 * error).all()  # on average a bound
    assert (draws > exact).float().mean() > 0.1  # a single value is none
