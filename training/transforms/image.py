"""Transforms of uint8 images."""

from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from training.transforms.base import DataFacts, Transform
from training.zoo.base import Noise, Options

LEVELS = 256


class ImageTransform(Transform):
    """Images: raw uint8 (batch, height, width, channels), model space float32 (batch, channels, height, width)."""

    raw = "image"

    def __init__(self, facts: DataFacts, options: Options) -> None:
        super().__init__(facts, options)
        self.register_buffer("log_det", torch.zeros(self.event_shape))

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        height, width, channels = self.raw_shape
        return (channels, height, width)


class BinariseOptions(Options):
    """Options of ``binarise``."""

    mode: Literal["dynamic", "static", "threshold"] = Field(
        default="dynamic", description="draw pixels anew at every step, draw them once, or compare with grey level 128"
    )


class Binarise(ImageTransform):
    """Grey levels to 0/1.

    ``dynamic`` draws each pixel anew, with its grey level as probability, at every step (R. Salakhutdinov, I. Murray,
    2008, drew once); ``static`` draws once with the recipe's seed; ``threshold`` compares with the middle. Whatever the
    training protocol, a score thresholds: the same image must always get the same score.
    """

    space = "binary"
    density_of = "the image thresholded at grey level 128"
    Options: ClassVar[type[Options]] = BinariseOptions

    @property
    def protocol(self) -> str:
        """The binarisation protocol."""
        return {
            "dynamic": "dynamic binarisation",
            "static": "static binarisation, drawn once with the recipe's seed",
            "threshold": "thresholded at grey level 128",
        }[self.options.mode]

    def prepare(self, raw: np.ndarray, seed: int) -> np.ndarray:
        """For the static protocol the one draw; otherwise the grey levels."""
        if self.options.mode != "static":
            return raw
        levels = np.random.default_rng(seed).integers(0, LEVELS - 1, raw.shape, dtype=np.uint8)
        return np.where(levels < raw, 255, 0).astype(np.uint8)

    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """1.0 where the grey level is at least 128."""
        return (raw.permute(0, 3, 1, 2) >= LEVELS // 2).float()

    def training_view(self, raw: Tensor) -> Tensor:
        """A fresh draw under the dynamic protocol."""
        if self.options.mode != "dynamic":
            return self(raw)
        probability = raw.permute(0, 3, 1, 2).float() / (LEVELS - 1)
        return torch.bernoulli(probability)

    def inverse(self, x: Tensor) -> Tensor:
        """0/1 or a mean in [0, 1] to grey levels."""
        return torch.round(x * (LEVELS - 1)).to(torch.uint8).permute(0, 2, 3, 1)


class DequantiseOptions(Options):
    """Options of ``dequantise``."""

    pool: int = Field(default=1, ge=1, description="side of the blocks of pixels that are averaged first")


class Dequantise(ImageTransform):
    """Grey levels to reals: x = (level + u) / 256 with u uniform.

    With ``pool`` p the level is the mean of a block of p by p pixels: a smaller picture in finer levels.

    A continuous density p(x) gives log P(level) ≥ E_u log p(x) − log 256 per dimension (L. Theis, A. van den Oord,
    M. Bethge, "A note on the evaluation of generative models", ICLR 2016, arXiv 1511.01844, §3.1): a lower bound in
    nats of the discrete image. The score uses one fixed u for all images: an estimate of the bound, unbiased over u,
    that for single images may exceed log P(level).
    """

    space = "real"
    Options: ClassVar[type[Options]] = DequantiseOptions

    def __init__(self, facts: DataFacts, options: Options) -> None:
        super().__init__(facts, options)
        height, width, _ = facts.shape
        if height % options.pool or width % options.pool:
            raise ValueError(f"expected pool to divide {width}x{height} pixels, got {options.pool}")
        self.levels_per_unit = LEVELS * options.pool**2
        self.log_det.fill_(-float(np.log(self.levels_per_unit)))

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(channels, height, width) after pooling."""
        channels, height, width = super().event_shape
        return (channels, height // self.options.pool, width // self.options.pool)

    @property
    def density_of(self) -> str:
        """What the density is over."""
        return f"{self.nats_of}, by uniform dequantisation"

    @property
    def nats_of(self) -> str:
        """The image of whole levels: a density over the noisy one bounds its probability, in the same nats."""
        side = self.options.pool
        return "the 8-bit image" if side == 1 else f"the 8-bit image averaged over {side} by {side} pixels"

    @property
    def score_noise(self) -> tuple[Noise, ...]:
        """The uniform number added to each level."""
        return (Noise("dequantisation", "uniform", self.event_shape, shared=True),)

    @property
    def bound(self) -> str:
        """An estimate of the dequantisation bound by a single draw."""
        return "dequantisation-1"

    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """(level + u) / 256."""
        (u,) = noise
        return (self._sums(raw) + u) / self.levels_per_unit

    def training_view(self, raw: Tensor) -> Tensor:
        """Fresh noise at every step."""
        sums = self._sums(raw)
        return (sums + torch.rand_like(sums)) / self.levels_per_unit

    def inverse(self, x: Tensor) -> Tensor:
        """The level whose interval holds x, for every pixel of a block; values outside [0, 1) go to the nearest."""
        levels = torch.clamp(torch.floor(x * LEVELS), 0, LEVELS - 1).to(torch.uint8).permute(0, 2, 3, 1)
        return levels.repeat_interleave(self.options.pool, 1).repeat_interleave(self.options.pool, 2)

    def _sums(self, raw: Tensor) -> Tensor:
        """Sums of levels over blocks, (batch, *event_shape)."""
        levels = raw.permute(0, 3, 1, 2).float()
        return levels if (side := self.options.pool) == 1 else nn.functional.avg_pool2d(levels, side) * side**2


class LevelsOptions(Options):
    """Options of ``levels``."""

    count: int = Field(default=LEVELS, ge=2, le=LEVELS, description="grey levels to keep, evenly spread")


class Levels(ImageTransform):
    """Grey levels 0..V−1 as float32: for families that model the discrete image itself, exactly.

    All 256 of them, or the nearest of fewer evenly spread ones.
    """

    space = "levels"
    Options: ClassVar[type[Options]] = LevelsOptions

    @property
    def levels(self) -> int:
        """V."""
        return self.options.count

    @property
    def density_of(self) -> str:
        """What the density is over."""
        return "the 8-bit image" if self.levels == LEVELS else f"the image in {self.levels} grey levels"

    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """The level."""
        grey = raw.permute(0, 3, 1, 2).float()
        return grey if self.levels == LEVELS else torch.round(grey * ((self.levels - 1) / (LEVELS - 1)))

    def inverse(self, x: Tensor) -> Tensor:
        """The level as a grey value from 0 to 255."""
        grey = x if self.levels == LEVELS else torch.round(x * ((LEVELS - 1) / (self.levels - 1)))
        return grey.to(torch.uint8).permute(0, 2, 3, 1)


class SignedUnit(ImageTransform):
    """Grey levels to [−1, 1], the range of a tanh generator. Not a density transform: adversarial families only."""

    space = "signed_unit"
    density_of = "nothing: the family has no density"

    @property
    def protocol(self) -> str:
        """Grey levels as they are."""
        return "grey levels scaled to [-1, 1]"

    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """Level / 127.5 − 1."""
        return raw.permute(0, 3, 1, 2).float() / 127.5 - 1.0

    def inverse(self, x: Tensor) -> Tensor:
        """The nearest level."""
        return torch.clamp(torch.round((x + 1.0) * 127.5), 0, LEVELS - 1).to(torch.uint8).permute(0, 2, 3, 1)
