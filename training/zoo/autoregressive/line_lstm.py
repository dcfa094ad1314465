"""An LSTM whose cells form lines, all cells of a line at once: rows for a Row LSTM, diagonals for a Diagonal BiLSTM.

The state of a cell comes from a few neighbours in the line before it, by a convolution along the line:
[o, f, i, g] = gates of the input + K ⊛ h_before, c = σ(f) c_before + σ(i) tanh(g), h = σ(o) tanh(c). The gates of the
input are computed for all lines beforehand, so that a line costs one matrix product.

A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016, arXiv 1601.06759;
equation 3.
"""

import torch
from torch import Tensor, nn

from training.zoo.autoregressive.masked import masked_conv2d
from training.zoo.scan import scan

GATES = 4  # output, forget, input, content


class InputToState(nn.Module):
    """A masked convolution from a picture to the gates of all its cells, for one or more directions.

    Its channels come colour by colour; those of the result do so within each gate.
    """

    def __init__(self, inputs: int, hidden: int, kernel: tuple[int, int], colours: int, directions: int = 1) -> None:
        super().__init__()
        self.shape = (colours, directions, GATES, hidden // colours)
        self.convolution = masked_conv2d(inputs, directions * GATES * hidden, kernel, "B", colours)

    def forward(self, x: Tensor) -> Tensor:
        """Gates (directions, batch, height, width, gates · hidden) for x (batch, inputs, height, width)."""
        gates = self.convolution(x).unflatten(1, self.shape)  # (batch, colours, directions, gates, units, height, width)
        return gates.permute(2, 0, 5, 6, 3, 1, 4).flatten(4)


class StateToState(nn.Module):
    """The recurrence over lines; a cell sees ``reach`` = (before, after) neighbours of its own place in the line."""

    def __init__(self, hidden: int, reach: tuple[int, int], directions: int = 1) -> None:
        super().__init__()
        self.hidden, self.reach = hidden, reach
        seen = hidden * (sum(reach) + 1)
        self.weight = nn.Parameter(torch.empty(directions, seen, GATES * hidden).uniform_(-1, 1) / seen**0.5)

    def forward(self, gates: Tensor) -> Tensor:
        """States of all cells (lines, directions, batch, cells, hidden); the gates have the same leading axes.

        Cells without input (gates zero) whose neighbours have none either stay at zero: there is no bias here.
        """
        start = torch.zeros_like(gates[0, ..., : self.hidden])
        return scan(self._step, (start, start.clone()), (gates,))

    def _step(self, carry: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        h, c = carry  # (directions, batch, cells, hidden)
        (gates,) = inputs
        seen = self._neighbours(h).flatten(1, 2)
        gates = torch.baddbmm(gates.flatten(1, 2), seen, self.weight).unflatten(1, h.shape[1:3])
        output, forget, entry = torch.sigmoid(gates[..., : -self.hidden]).split(self.hidden, -1)
        c = forget * c + entry * torch.tanh(gates[..., -self.hidden :])
        h = output * torch.tanh(c)
        return (h, c), h.clone()

    def _neighbours(self, h: Tensor) -> Tensor:
        """The states that each cell sees, side by side; zero beyond the ends of the line."""
        cells = h.shape[2]
        padded = nn.functional.pad(h, (0, 0, *self.reach))
        return torch.cat([padded[:, :, place : place + cells] for place in range(sum(self.reach) + 1)], -1)
