"""One recurrent step per row of an image, and a small autoregressive network inside the row.

The state s_r, computed from the rows before r, drives the row's own factorisation p(x_r | s_r) = Π_j p(x_rj | x_r,<j,
s_r): a hidden unit of degree k sees the row's dimensions before k and feeds those from k on (as in MADE), beside direct
connections from the state and, strictly triangular, from the row. A row's dimensions are its pixels from left to right,
the channels of a pixel one after the other.
"""

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.completion import keep
from training.zoo.autoregressive.discrete import draw_categorical
from training.zoo.autoregressive.embedding import LevelFeatures
from training.zoo.autoregressive.masked import masked
from training.zoo.autoregressive.recurrent import RecurrentOptions, State, recurrent, start_state, step
from training.zoo.scan import scan


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


class Rows(nn.Module):
    """Logits and samples of dimensions in raster order, a row at a time."""

    def __init__(
        self,
        shape: tuple[int, int],
        levels: LevelFeatures,
        outputs: int,
        options: RecurrentOptions,
        *,
        window: int,
        head: int,
    ) -> None:
        super().__init__()
        self.shape, self.levels, self.window = shape, levels, window
        rows, width = shape
        self.place = nn.Parameter(0.1 * torch.randn(rows, window * width * levels.size))
        self.network = recurrent(window * width * levels.size, options)
        self.dropout = nn.Dropout(options.dropout)
        self.head = RowHead(options.hidden, width, head, levels.size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, dims, outputs) of levels (batch, dims)."""
        rows = self.levels(x).unflatten(1, self.shape)  # (batch, rows, width, features)
        flat = rows.flatten(2)
        before = [nn.functional.pad(flat, (0, 0, back, 0))[:, : len(self.place)] for back in range(1, self.window + 1)]
        states, _ = self.network(torch.cat(before, 2) + self.place)
        return self.head(self.dropout(states), rows).flatten(1, 2)

    def sample(self, u: Tensor, temperature: Tensor, given: tuple[Tensor, ...]) -> Tensor:
        """Levels (dims, batch) for noise and what is known, (dims, batch)."""

        def row(carry: State, inputs: tuple[Tensor, ...]) -> tuple[State, Tensor]:
            *state, above = carry
            place, u, *known = inputs
            summary, state = step(self.network, above + place, tuple(state))
            levels = self.head.sample(summary, u, temperature, self.levels, tuple(known))  # (width, batch)
            drawn = self.levels(levels.T.contiguous()).flatten(1)
            above = torch.cat([drawn, above[:, : above.shape[1] - drawn.shape[1]]], 1)
            return (*state, above), levels.clone()

        batch = u.shape[1]
        start = (*start_state(self.network, batch), self.place.new_zeros(batch, self.place.shape[1]))
        by_row = [array.unflatten(0, self.shape) for array in (u, *given)]
        return scan(row, start, (self.place, *by_row)).flatten(0, 1)
