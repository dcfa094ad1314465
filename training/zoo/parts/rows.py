"""For networks that read dimensions one after another, or a row of a picture at a time: levels and places as vectors,
and a small autoregressive network inside a row, driven by a state that knows the rows before.

p(x_r | s) = Π_j p(x_rj | x_r,<j, s): a hidden unit of degree k sees the state and the row's dimensions before k, and
feeds those from k on (as in MADE), beside direct connections from the state and, strictly triangular, from the row. A
row's dimensions are its pixels from left to right, the channels of a pixel one after the other.
"""

import math

import torch
from torch import Tensor, nn

from training.zoo.parts.conditionals import axes, draw_categorical, keep, masked, scan


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


def row_places(rows: Tensor, width: int) -> Tensor:
    """The places of some rows, int64 (count,), in raster order, (count, width)."""
    return rows[:, None] * width + torch.arange(width, device=rows.device)


class RowHead(nn.Module):
    """Logits of a row's dimensions given a state and, each, the dimensions before it."""

    def __init__(self, state: int, width: int, units: int, features: int, outputs: int) -> None:
        super().__init__()
        self.width, self.outputs = width, outputs
        column = torch.arange(width)
        degree = torch.linspace(0, width - 1, units).round().long()
        inputs = column.repeat_interleave(features)
        results = column.repeat_interleave(outputs)
        self.hidden_of_state = nn.Linear(state, units)
        self.hidden_of_row = masked(nn.Linear(len(inputs), units, bias=False), inputs < degree[:, None])
        self.of_hidden = masked(nn.Linear(units, len(results)), degree <= results[:, None])
        self.of_state = nn.Linear(state, len(results), bias=False)
        self.of_row = masked(nn.Linear(len(inputs), len(results), bias=False), inputs < results[:, None])

    def forward(self, state: Tensor, row: Tensor) -> Tensor:
        """Logits (…, width, outputs) for states (…, state) and features of rows (…, width, features)."""
        row = row.flatten(-2)
        hidden = torch.relu(self.hidden_of_state(state) + self.hidden_of_row(row))
        logits = self.of_hidden(hidden) + self.of_state(state) + self.of_row(row)
        return logits.unflatten(-1, (self.width, self.outputs))

    def sample(
        self, state: Tensor, u: Tensor, temperature: Tensor, levels: LevelFeatures, given: tuple[Tensor, ...]
    ) -> Tensor:
        """Levels of a row, (width, batch), for states (batch, state), noise and what is known (width, batch).

        Activations and logits are kept running, so that a row costs about as much as one pass over it.
        """
        width, features = self.width, levels.size
        to_hidden = self.hidden_of_row.weight.T.unflatten(0, (width, features)).contiguous()  # (width, features, units)
        to_logits = self.of_row.weight.T.unflatten(0, (width, features)).contiguous()  # (width, features, row outputs)
        of_hidden = self.of_hidden.weight.unflatten(0, (width, -1)).transpose(1, 2).contiguous()  # (width, units, out)

        def draw(running: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
            hidden, logits = running
            position, u, of_hidden, to_hidden, to_logits, *known = inputs
            now = logits.index_select(1, position)[:, 0] + torch.relu(hidden) @ of_hidden  # (batch, outputs)
            level = keep(draw_categorical(now, u, temperature), *known)  # (batch,)
            feature = levels(level)  # (batch, features)
            running = (hidden + feature @ to_hidden, logits + (feature @ to_logits).reshape(logits.shape))
            return running, level.clone()

        logits = (self.of_state(state) + self.of_hidden.bias).unflatten(1, (width, self.outputs))
        positions = torch.arange(width, device=u.device)[:, None]
        return scan(
            draw, (self.hidden_of_state(state), logits), (positions, u, of_hidden, to_hidden, to_logits, *given)
        )
