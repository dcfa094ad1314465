"""Transforms of tables."""

import numpy as np
import torch
from torch import Tensor

from training.transforms.base import Transform
from training.zoo.base import Options


class Standardise(Transform):
    """x = (raw − mean) / std per column, from the fit split; a constant column is only shifted.

    Densities are reported in original units: log p(raw) = log p(x) − Σ log std.
    """

    raw = "row"
    space = "real"
    density_of = "the row in original units"

    def __init__(self, raw_shape: tuple[int, ...], options: Options) -> None:
        super().__init__(raw_shape, options)
        self.register_buffer("mean", torch.zeros(raw_shape, dtype=torch.float64))
        self.register_buffer("std", torch.ones(raw_shape, dtype=torch.float64))
        self.register_buffer("log_det", torch.zeros(raw_shape, dtype=torch.float64))

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(features,)."""
        return self.raw_shape

    def fit(self, raw: np.ndarray) -> None:
        """Mean and standard deviation of each column."""
        values = torch.from_numpy(np.asarray(raw, dtype=np.float64))
        std = values.std(0, correction=0)
        self.mean.copy_(values.mean(0))
        self.std.copy_(torch.where(std > 0, std, torch.ones_like(std)))
        self.log_det.copy_(-torch.log(self.std))

    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """Standardised columns; computed in double precision, because columns may have large offsets."""
        return ((raw.double() - self.mean) / self.std).float()

    def inverse(self, x: Tensor) -> Tensor:
        """Original units."""
        return (x.double() * self.std + self.mean).float()
