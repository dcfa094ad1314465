"""A small autoregressive network inside a row of an image, driven by a state that knows the rows before.

p(x_r | s) = Π_j p(x_rj | x_r,<j, s): a hidden unit of degree k sees the state and the row's dimensions before k, and
feeds those from k on (as in MADE), beside direct connections from the state and, strictly triangular, from the row. A
row's dimensions are its pixels from left to right, the channels of a pixel one after the other.
"""

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.conditionals.completion import keep
from training.zoo.autoregressive.conditionals.discrete import draw_categorical
from training.zoo.autoregressive.networks.embedding import LevelFeatures
from training.zoo.autoregressive.networks.masked import masked
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
