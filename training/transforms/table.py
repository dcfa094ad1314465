"""Transforms of tables."""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from training.transforms.base import DataFacts
from training.transforms.categories import nearest_codes
from training.transforms.column import spaced
from training.transforms.rows import RowTransform
from training.zoo.base import Options


class StandardiseOptions(Options):
    """Options of ``standardise``."""

    quantum: float = Field(
        default=0.0, ge=0, description="width of the noise that blurs rows in training and evaluation, in their units"
    )


class Standardise(RowTransform):
    """x = (raw − mean) / std per column, from the fit split; a constant column is only shifted.

    Densities are reported in original units: log p(raw) = log p(x) − Σ log std. Where columns repeat their values, a
    density can grow without bound around them and its likelihood says nothing. With a ``quantum`` all rows of training
    and evaluation are blurred by uniform noise of this width, centred on zero. A score adds no noise: of values that
    are whole quanta apart it is the probability of the value, otherwise the density of the blurred rows at it.
    Categories, and up to ten numbers that are whole quanta apart, are never blurred.
    """

    Options: ClassVar[type[Options]] = StandardiseOptions

    def __init__(self, facts: DataFacts, options: StandardiseOptions) -> None:
        super().__init__(facts, options)
        self.register_buffer("mean", torch.zeros(facts.shape, dtype=torch.float64))
        self.register_buffer("std", torch.ones(facts.shape, dtype=torch.float64))

    @property
    def protocol(self) -> str:
        """The units, and how rows are blurred."""
        blurred = f", blurred by uniform noise of width {self.options.quantum:g}" if self.options.quantum else ""
        return f"{self.density_of}{blurred}"

    def fit(self, raw: np.ndarray) -> None:
        """Mean and standard deviation of what is there of each column."""
        values = np.asarray(raw, dtype=np.float64)
        std = torch.from_numpy(np.nanstd(values, axis=0))
        self.mean.copy_(torch.from_numpy(np.nanmean(values, axis=0)))
        self.std.copy_(torch.where(std > 0, std, torch.ones_like(std)))
        self.log_det.copy_(-torch.log(self.std))
        self._place(values)

    def _place(self, values: np.ndarray) -> None:
        """Tells the cells where values lie apart."""
        columns = zip(values.T, self.categories.int().tolist(), strict=True)
        found = [spaced(column[~np.isnan(column)], self.options.quantum, categories) for column, categories in columns]
        origin, quantum, count, endless = (torch.tensor(part) for part in zip(*found, strict=True))
        self.cells.take(mean=self.mean, std=self.std, origin=origin, quantum=quantum, count=count, endless=endless)

    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """Standardised columns; computed in double precision, because columns may have large offsets."""
        return ((raw.double() - self.mean) / self.std).float()

    def training_view(self, raw: Tensor) -> Tensor:
        """Standardised columns, with fresh noise if they are blurred, but for what is counted."""
        if not self.options.quantum:
            return self(raw)
        width = torch.where(self.cells.count > 0, 0.0, self.options.quantum)
        noise = width * (torch.rand(raw.shape, dtype=torch.float64, device=raw.device) - 0.5)
        return ((raw.double() + noise - self.mean) / self.std).float()

    def inverse(self, x: Tensor) -> Tensor:
        """Original units; a column of categories gets the nearest code."""
        return nearest_codes(x.double() * self.std + self.mean, self.categories).float()
