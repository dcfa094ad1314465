"""Transforms of tables."""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from training.transforms.base import DataFacts, Transform
from training.transforms.categories import counts, nearest_codes
from training.zoo.base import Options


class StandardiseOptions(Options):
    """Options of ``standardise``."""

    quantum: float = Field(
        default=0.0, ge=0, description="width of the noise that blurs rows in training and evaluation, in their units"
    )


class Standardise(Transform):
    """x = (raw − mean) / std per column, from the fit split; a constant column is only shifted.

    Densities are reported in original units: log p(raw) = log p(x) − Σ log std. Where columns repeat their values, a
    density can grow without bound around them and its likelihood says nothing. With a ``quantum`` all rows of training
    and evaluation are blurred by uniform noise of this width, centred on zero; the mean log-density then is, up to the
    log of the quantum per column, at most that of the probability of the rows rounded to it. A score adds no noise: it
    is the log-density of the blurred rows at the row itself.
    """

    raw = "row"
    space = "real"
    density_of = "the row in original units"
    Options: ClassVar[type[Options]] = StandardiseOptions

    def __init__(self, facts: DataFacts, options: StandardiseOptions) -> None:
        super().__init__(facts, options)
        self.register_buffer("mean", torch.zeros(facts.shape, dtype=torch.float64))
        self.register_buffer("std", torch.ones(facts.shape, dtype=torch.float64))
        self.register_buffer("log_det", torch.zeros(facts.shape, dtype=torch.float64))
        self.register_buffer("categories", counts(facts), persistent=False)

    @property
    def protocol(self) -> str:
        """The units, and how rows are blurred."""
        blurred = f", blurred by uniform noise of width {self.options.quantum:g}" if self.options.quantum else ""
        return f"{self.density_of}{blurred}"

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(features,)."""
        return self.raw_shape

    def fit(self, raw: np.ndarray) -> None:
        """Mean and standard deviation of what is there of each column."""
        values = np.asarray(raw, dtype=np.float64)
        std = torch.from_numpy(np.nanstd(values, axis=0))
        self.mean.copy_(torch.from_numpy(np.nanmean(values, axis=0)))
        self.std.copy_(torch.where(std > 0, std, torch.ones_like(std)))
        self.log_det.copy_(-torch.log(self.std))

    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """Standardised columns; computed in double precision, because columns may have large offsets."""
        return ((raw.double() - self.mean) / self.std).float()

    def training_view(self, raw: Tensor) -> Tensor:
        """Standardised columns, with fresh noise if they are blurred."""
        if not self.options.quantum:
            return self(raw)
        noise = self.options.quantum * (torch.rand(raw.shape, dtype=torch.float64, device=raw.device) - 0.5)
        return ((raw.double() + noise - self.mean) / self.std).float()

    def inverse(self, x: Tensor) -> Tensor:
        """Original units; a column of categories gets the nearest code."""
        return nearest_codes(x.double() * self.std + self.mean, self.categories).float()
