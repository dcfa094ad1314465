"""DCGAN: a convolutional generator learns to fool a convolutional discriminator.

Strided (transposed) convolutions instead of pooling, batch normalisation in both nets except at generator output and
discriminator input, ReLU in the generator and LeakyReLU(0.2) in the discriminator, tanh output, weights N(0, 0.02²).
The model is implicit: it samples, and has no density; asking it for one is refused. The generator is exported with its
running statistics, so that a sample never depends on its batch mates.

The game is played with the non-saturating loss (I. Goodfellow et al., "Generative Adversarial Nets", NIPS 2014,
arXiv 1406.2661, §3): one step of the discriminator and one of the generator per batch, real labels smoothed to 0.9
(T. Salimans et al., 2016, arXiv 1606.03498, §3.4).

A. Radford, L. Metz, S. Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", ICLR 2016, arXiv 1511.06434.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import DirectSampler, Facts, Family, GradientTrained, Noise, Options, Player, Turn

_REAL = 0.9


class DcganOptions(Options):
    """Options of ``dcgan``; the image side must be divisible by 4."""

    latent: int = Field(default=64, ge=1, description="length of z")
    channels: int = Field(default=64, ge=1, description="channels before the last layer; twice as many one scale down")


class Dcgan(Family, DirectSampler, GradientTrained):
    """Convolutional generative adversarial network for images in [−1, 1]."""

    title = "DCGAN"
    paper = "Radford, Metz & Chintala 2016, arXiv 1511.06434"
    kind = "implicit"
    space = "signed_unit"
    temperature = "multiplies z: below 1 more typical, above 1 more varied"
    latents = "z"
    Options: ClassVar[type[Options]] = DcganOptions

    def __init__(self, facts: Facts, options: DcganOptions) -> None:
        super().__init__(facts, options)
        channels, height, width = facts.event_shape
        if height % 4 or width % 4:
            raise ValueError(f"expected image sides divisible by 4, got {height}x{width}")
        wide, narrow = 2 * options.channels, options.channels
        self.generator = nn.Sequential(
            nn.Linear(options.latent, wide * (height // 4) * (width // 4), bias=False),
            nn.Unflatten(1, (wide, height // 4, width // 4)),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
            nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            nn.ConvTranspose2d(narrow, channels, 4, 2, 1),
            nn.Tanh(),
        )
        self.discriminator = nn.Sequential(
            nn.Conv2d(channels, narrow, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(narrow, wide, 4, 2, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(wide * (height // 4) * (width // 4), 1),
            nn.Flatten(0),
        )
        self.apply(_initialise)

    @property
    def players(self) -> tuple[Player, ...]:
        """The discriminator, then the generator."""
        return (
            Player("discriminator", (self.discriminator,), self._judge, schedule="constant"),
            Player("generator", (self.generator,), self._fool, schedule="constant"),
        )

    def deal(self, x: Tensor, **told: Tensor) -> dict[str, Tensor]:
        """As many generated images as real ones, on which both players move."""
        z = torch.randn(len(x), self.options.latent, device=x.device)
        return {"real": x, "fake": self.generator(z)}

    def _judge(self, real: Tensor, fake: Tensor) -> Turn:
        """How badly the discriminator tells them apart; with how often it is right."""
        on_real, on_fake = self.discriminator(real), self.discriminator(fake.detach())
        right = 0.5 * ((on_real > 0).float().mean() + (on_fake <= 0).float().mean())
        return Turn(_cross_entropy(on_real, _REAL) + _cross_entropy(on_fake, 0.0), {"discriminator_right": right})

    def _fool(self, real: Tensor, fake: Tensor) -> Turn:
        """How badly generated images pass for real ones."""
        return Turn(_cross_entropy(self.discriminator(fake), 1.0))

    @property
    def noise(self) -> tuple[Noise, ...]:
        """The latent z."""
        return (Noise("z", "normal", (self.options.latent,)),)

    def generate(self, *noise: Tensor, temperature: Tensor) -> tuple[Tensor, None]:
        """Images in [−1, 1], shape (batch, *event_shape)."""
        (z,) = noise
        return self.generator(z * temperature[:, None]), None


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
