"""Statistics of a code, against numpy."""

import numpy as np
import pytest
import torch

from training.statistics import Evidence
from training.statistics.latent import LatentDistance, Rate, Reconstruction


def _evidence(n: int, size: int) -> Evidence:
    random = np.random.default_rng(size)
    codes = random.normal(size=(n, size)) @ random.normal(size=(size, size)) + random.normal(size=size)
    numbers = torch.from_numpy(random.exponential(size=(2, n)).astype(np.float32))
    latent = torch.from_numpy(codes.astype(np.float32))
    return Evidence(torch.zeros(n, 1), torch.zeros(n), latent=latent, reconstruction=numbers[0], rate=numbers[1])


def _fitted(evidence: Evidence) -> LatentDistance:
    statistic = LatentDistance(evidence.latent.shape[1])
    statistic.fit(evidence.x, evidence)
    return statistic


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_distance_of_a_code_is_that_of_mahalanobis(size):
    evidence = _evidence(200, size)
    codes = evidence.latent.double().numpy()
    covariance = np.cov(codes.T).reshape(size, size)
    covariance += 1e-3 * np.diag(covariance).mean() * np.eye(size)  # the ridge
    away = codes - codes.mean(0)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", away, np.linalg.inv(covariance), away))
    assert np.allclose(_fitted(evidence)(evidence), expected, rtol=1e-3, atol=1e-4)


def test_the_distance_has_no_units():
    """Scaling and shifting all codes changes no distance."""
    evidence = _evidence(200, 3)
    other = Evidence(evidence.x, evidence.log_prob, latent=100 * evidence.latent - 40)
    assert torch.allclose(_fitted(evidence)(evidence), _fitted(other)(other), rtol=1e-3, atol=1e-3)


def test_codes_that_never_vary_in_a_direction_still_have_distances():
    evidence = _evidence(200, 3)
    evidence.latent[:, 1] = 5
    inside = _fitted(evidence)(evidence)
    away = Evidence(evidence.x, evidence.log_prob, latent=evidence.latent + torch.tensor([0.0, 9.0, 0.0]))
    assert inside.isfinite().all()
    assert torch.all(_fitted(evidence)(away) > inside.max())


def test_what_encoder_and_decoder_say_is_passed_on():
    evidence = _evidence(5, 2)
    assert torch.equal(Reconstruction()(evidence), evidence.reconstruction)
    assert torch.equal(Rate()(evidence), evidence.rate)
