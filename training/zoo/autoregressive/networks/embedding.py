"""Levels and places as vectors, for families that read the dimensions one after another."""

import math

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.conditionals.order import axes


class LevelFeatures(nn.Module):
    """Levels 0..V−1 as vectors: 1 and −1 for two levels, otherwise a learned table.

    The table starts as cosines of rising frequency over the levels, so that near grey levels start alike.
    """

    def __init__(self, levels: int, size: int) -> None:
        super().__init__()
        self.size = 1 if levels == 2 else min(size, levels)
        self.table = None
        if levels > 2:
            phase = math.pi * torch.outer(torch.arange(levels) / (levels - 1), torch.arange(1, self.size + 1))
            self.table = nn.Parameter(torch.cos(phase))

    def forward(self, x: Tensor) -> Tensor:
        """Features (…, size) of levels (…)."""
        return 1 - 2 * x[..., None] if self.table is None else nn.functional.embedding(x.long(), self.table)


class Places(nn.Module):
    """A learned vector for every dimension: the sum of one for its row, one for its column and one for its channel.

    A sequence has one for each moment.
    """

    def __init__(self, event_shape: tuple[int, ...], size: int, scale: float = 0.02) -> None:
        super().__init__()
        extents = [extent for extent in axes(event_shape) if extent > 1] or [1]
        self.tables = nn.ParameterList(scale * torch.randn(extent, size) for extent in extents)

    def forward(self) -> Tensor:
        """Vectors of all dimensions in raster order, (dims, size)."""
        total, *rest = self.tables
        for table in rest:
            total = total[..., None, :] + table
        return total.flatten(0, -2)
