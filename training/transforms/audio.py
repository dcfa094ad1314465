"""Transforms of recordings."""

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from training.transforms.base import DataFacts, Transform
from training.zoo.base import Options

FULL_SCALE = 2**15  # of a 16-bit sample


class MulawOptions(Options):
    """Options of ``mulaw``."""

    count: int = Field(default=256, ge=16, le=256, description="number of levels")


class Mulaw(Transform):
    """16-bit samples to μ-law levels 0..count−1: fine steps near silence, coarse ones where it is loud.

    f(a) = sign(a) ln(1 + μ|a|) / ln(1 + μ) of the amplitude a in [−1, 1), with μ = count − 1 (ITU-T G.711; WaveNet
    §2.2), in equal steps of 2 / count. Level ⌊count / 2⌋ is silence itself, so that silence stays silent. Computed in
    double precision: every processor must put a sample into the same level.
    """

    raw = "audio"
    space = "levels"
    Options: ClassVar[type[Options]] = MulawOptions

    def __init__(self, facts: DataFacts, options: MulawOptions) -> None:
        super().__init__(facts, options)
        self.register_buffer("log_det", torch.zeros(facts.shape))
        self.register_buffer("samples", self._middle(torch.arange(options.count)), persistent=False)  # by level

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(time,)."""
        return self.raw_shape

    @property
    def levels(self) -> int:
        """Number of levels."""
        return self.options.count

    @property
    def density_of(self) -> str:
        """The quantised recording."""
        return f"the recording in {self.levels} mu-law levels"

    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """The level whose step holds the companded sample."""
        amplitude = raw.double() / FULL_SCALE
        companded = torch.sign(amplitude) * torch.log(1 + (self.levels - 1) * amplitude.abs()) / math.log(self.levels)
        level = torch.round(companded * (self.levels / 2)) + self.levels // 2
        return torch.clamp(level, 0, self.levels - 1).float()

    def inverse(self, x: Tensor) -> Tensor:
        """The sample in the middle of a level's step."""
        return self.samples[x.long()]

    def _middle(self, x: Tensor) -> Tensor:
        companded = (x.double() - self.levels // 2) / (self.levels / 2)
        amplitude = torch.sign(companded) * (torch.exp(companded.abs() * math.log(self.levels)) - 1) / (self.levels - 1)
        return torch.clamp(torch.round(amplitude * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).to(torch.int16)
