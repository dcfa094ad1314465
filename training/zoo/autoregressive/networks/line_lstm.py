"""An LSTM whose cells form lines, all cells of a line at once: rows for a Row LSTM, diagonals for a Diagonal BiLSTM.

The state of a cell comes from a few neighbours in the line before it, by a convolution along the line:
[o, f, i, g] = gates of the input + K ⊛ h_before, c = σ(f) c_before + σ(i) tanh(g), h = σ(o) tanh(c), where c_before is
that of the same place in the line. The gates of the input are computed for all lines beforehand, so that a line costs
one matrix product. Channels are the last axis everywhere, which makes convolutions along a line, and those of a single
pixel, matrix products.

A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016, arXiv 1601.06759;
equation 3.
"""

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.networks.masked import colour_mask, masked
from training.zoo.scan import scan

GATES = 4  # output, forget, input, content


class InputToState(nn.Module):
    """The gates that the input gives to every cell, in one or more directions.

    A masked convolution along the rows: a cell sees its own pixel and ``left`` more.
    """

    def __init__(self, inputs: int, hidden: int, left: int, colours: int, directions: int = 1) -> None:
        super().__init__()
        self.left = left
        layer = nn.Linear((left + 1) * inputs, directions * GATES * hidden)
        own = colour_mask(inputs, hidden, "B", colours)
        mask = torch.cat([torch.ones(hidden, left * inputs), own], 1).repeat(directions * GATES, 1)
        self.layer = layer if colours == 1 else masked(layer, mask)

    def forward(self, x: Tensor) -> Tensor:
        """Gates (batch, height, width, directions · gates · hidden) for x (batch, height, width, inputs)."""
        return self.layer(side_by_side(x, self.left, 0))


class StateToState(nn.Module):
    """The recurrence over lines; a cell sees ``before`` and ``after`` neighbours of its own place in the line."""

    def __init__(self, hidden: int, before: int, after: int, directions: int = 1) -> None:
        super().__init__()
        self.hidden, self.before, self.after = hidden, before, after
        seen = hidden * (before + 1 + after)
        self.weight = nn.Parameter(torch.empty(directions, seen, GATES * hidden).uniform_(-1, 1) / seen**0.5)

    def forward(self, gates: Tensor) -> Tensor:
        """States of all cells (lines, directions, batch, cells, hidden); the gates have the same leading axes.

        Cells without input (gates zero) whose neighbours have none either stay at zero: there is no bias here.
        """
        start = gates.new_zeros((*gates.shape[1:4], self.hidden))
        return scan(self._step, (start, start.clone()), (gates,))

    def _step(self, carry: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        h, c = carry  # (directions, batch, cells, hidden)
        (gates,) = inputs
        seen = side_by_side(h, self.before, self.after).flatten(1, 2)
        gates = torch.baddbmm(gates.flatten(1, 2), seen, self.weight).unflatten(1, h.shape[1:3])
        output, forget, entry = torch.sigmoid(gates[..., : -self.hidden]).split(self.hidden, -1)
        c = forget * c + entry * torch.tanh(gates[..., -self.hidden :])
        h = output * torch.tanh(c)
        return (h, c), h.clone()


def side_by_side(cells: Tensor, before: int, after: int) -> Tensor:
    """Every cell's channels together with those of its neighbours in the line, zero beyond its ends.

    (…, line, channels) → (…, line, (before + 1 + after) · channels)
    """
    line = cells.shape[-2]
    padded = nn.functional.pad(cells, (0, 0, before, after))
    return torch.cat([padded[..., place : place + line, :] for place in range(before + 1 + after)], -1)
