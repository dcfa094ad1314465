"""One recurrent step per row of an image; the state drives a small autoregressive network inside the next row."""

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.networks.embedding import LevelFeatures
from training.zoo.autoregressive.networks.recurrent import RecurrentOptions, State, recurrent, start_state, step
from training.zoo.autoregressive.networks.row_head import RowHead
from training.zoo.scan import scan


class RecurrentRows(nn.Module):
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
