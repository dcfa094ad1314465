"""What the variational autoencoder says about an item's own code, against torch's distributions."""

import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from training.scoring import Scoring
from training.transforms import Binarise
from training.zoo import FAMILIES

SIDE = 5


def _vae():
    torch.manual_seed(0)
    family = FAMILIES["vae"]
    return family((1, SIDE, SIDE), family.Options(hidden=(7,), latent=3, score_samples=4)).eval()


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
    scoring = Scoring(_vae(), Binarise((SIDE, SIDE, 1), Binarise.Options())).eval()
    with torch.no_grad():
        found = dict(zip(scoring.names, scoring(raw, torch.randn(4, 3)), strict=True))
    assert found["reconstruction_error"].shape == (6, SIDE, SIDE)
    assert torch.all(found["reconstruction_error"] >= 0)
    assert torch.allclose(found["reconstruction_error"].sum((1, 2)), found["reconstruction"], rtol=1e-5)
