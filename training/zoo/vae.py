"""Variational autoencoder with Bernoulli outputs: p(x) = ∫ N(z; 0, I) Π_d Bern(x_d; f_d(z)) dz.

An encoder gives q(z | x) = N(μ(x), diag σ²(x)); training maximises the evidence lower bound
E_q[log p(x | z)] − KL(q ‖ p), with the KL in closed form and one reparameterised draw per item. What is served as
score is the tighter importance-weighted bound log (1/k) Σ_i p(x, z_i) / q(z_i | x), with k stated and the draws fixed
by a seed and the same for all items: an estimate of that bound, unbiased over draws, which for single items may exceed
log p(x). The embedding is μ(x).

D. Kingma, M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014, arXiv 1312.6114; Y. Burda, R. Grosse,
R. Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016, arXiv 1509.00519, equation 8.
"""

import itertools
import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import (
    DirectSampler,
    Encoder,
    Facts,
    Family,
    LikelihoodTrained,
    Noise,
    Options,
    VariationalBound,
    bernoulli_log_prob,
    draw_bernoulli,
)


class VaeOptions(Options):
    """Options of ``vae``."""

    hidden: tuple[int, ...] = Field(
        default=(200, 200), description="units of the encoder's layers, mirrored by the decoder"
    )
    latent: int = Field(default=50, ge=1, description="length of z")
    score_samples: int = Field(
        default=64, ge=1, description="k of the importance-weighted bound whose estimate is served"
    )


class Vae(Family, VariationalBound, DirectSampler, Encoder, LikelihoodTrained):
    """Variational autoencoder over binary dimensions; estimates of a lower bound, samples, embeddings."""

    title = "VAE"
    paper = "Kingma & Welling 2014, arXiv 1312.6114"
    kind = "lower_bound"
    space = "binary"
    temperature = "multiplies the standard deviation of the prior: below 1 more typical, above 1 more varied"
    encodes = "mean of q(z | x); send it back as latents to decode it"
    latents = "z"
    Options: ClassVar[type[Options]] = VaeOptions

    def __init__(self, facts: Facts, options: VaeOptions) -> None:
        super().__init__(facts, options)
        self.encoder = _perceptron((self.dims, *options.hidden, 2 * options.latent))
        self.decoder = _perceptron((options.latent, *reversed(options.hidden), self.dims))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), each (batch, latent)."""
        mean, log_variance = self.encoder(x.flatten(1)).chunk(2, 1)
        return mean, log_variance

    def coding(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Parts of −log p(x | z) at the mean z of q(z | x), (batch, *event_shape); KL(q ‖ p), (batch,); that mean.

        The first two are in nats; the mean is of shape (batch, latent).
        """
        mean, log_variance = self.posterior(x)
        terms = -bernoulli_log_prob(self.decoder(mean), x.flatten(1))
        return terms.reshape(-1, *self.event_shape), _divergence(mean, log_variance), mean

    def elbo(self, x: Tensor, eps: Tensor) -> Tensor:
        """Evidence lower bound with one draw per item, eps (batch, latent); nats, shape (batch,)."""
        mean, log_variance = self.posterior(x)
        logits = self.decoder(mean + torch.exp(0.5 * log_variance) * eps)
        reconstruction = bernoulli_log_prob(logits, x.flatten(1)).sum(1)
        return reconstruction - _divergence(mean, log_variance)

    def importance_weighted_bound(self, x: Tensor, eps: Tensor) -> Tensor:
        """Estimate of the bound with k draws shared by all items, eps (k, latent); nats, shape (batch,)."""
        count = eps.shape[0]
        mean, log_variance = self.posterior(x)
        scale = torch.exp(0.5 * log_variance)
        z = mean[:, None, :] + scale[:, None, :] * eps  # (batch, k, latent)
        logits = self.decoder(z.flatten(0, 1)).reshape(-1, count, self.dims)
        reconstruction = bernoulli_log_prob(logits, x.flatten(1)[:, None, :]).sum(2)
        # log p(z) − log q(z | x); the terms ½ log 2π cancel.
        log_ratio = (-0.5 * z.square() + 0.5 * eps.square() + 0.5 * log_variance[:, None, :]).sum(2)
        return torch.logsumexp(reconstruction + log_ratio, 1) - math.log(count)

    @property
    def bound(self) -> str:
        """IWAE-k."""
        return f"IWAE-{self.options.score_samples}"

    @property
    def score_noise(self) -> tuple[Noise, ...]:
        """The k draws of the bound, shared by all rows."""
        return (Noise("eps", "normal", (self.options.score_samples, self.options.latent), shared=True),)

    def log_prob(self, x: Tensor, *noise: Tensor) -> Tensor:
        """Estimate of the importance-weighted lower bound of log p(x) by these draws, shape (batch,)."""
        (eps,) = noise
        return self.importance_weighted_bound(x, eps)

    def loss(self, x: Tensor) -> Tensor:
        """Mean negative evidence lower bound in nats, one draw per item."""
        eps = torch.randn(x.shape[0], self.options.latent, device=x.device, dtype=x.dtype)
        return -self.elbo(x, eps).mean()

    @property
    def noise(self) -> tuple[Noise, ...]:
        """The latent z, and one uniform number per pixel."""
        return (Noise("z", "normal", (self.options.latent,)), Noise("u", "uniform", (self.dims,)))

    def generate(self, *noise: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor]:
        """Samples x ~ p(x | z) and the means p(x = 1 | z), both (batch, *event_shape)."""
        z, u = noise
        logits = self.decoder(z * temperature[:, None])
        x = draw_bernoulli(logits, u, torch.ones_like(temperature))
        return x.reshape(-1, *self.event_shape), torch.sigmoid(logits).reshape(-1, *self.event_shape)

    @property
    def latent_size(self) -> int:
        """Length of z."""
        return self.options.latent

    @property
    def embedding_dims(self) -> int:
        """Length of z."""
        return self.options.latent

    def embed(self, x: Tensor) -> Tensor:
        """Posterior means, shape (batch, latent)."""
        return self.posterior(x)[0]


def _divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp log_variance) ‖ N(0, I)), shape (batch,)."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1)


def _perceptron(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths[:-1]):
        layers += [nn.Linear(inputs, outputs), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
