"""Diagonal BiLSTM: a recurrent network that reads a picture along its diagonals, from both upper corners.

The state of a pixel comes from the states of the pixels above and left of it. These lie on the diagonal before its own,
so a picture is skewed, every row shifted right by one more than the row above, and read column by column: as many
steps as height + width − 1, and the context is all of the picture above and left. The mirror image of this network
sees all that is above and right. It would see pixels to the right of its own, so its states move down by one row
before the two are added; then a pixel sees everything before it in raster order.

A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016, arXiv 1601.06759;
section 3.2, figure 3.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from training.zoo.base import Options
from training.zoo.parts.pixel_rnn import InputToState, PixelRnn, PixelRnnOptions, StateToState


class DiagonalBiLstmOptions(PixelRnnOptions):
    """Options of ``diagonal_bilstm``."""


class DiagonalBiLstm(PixelRnn):
    """Pixel RNN with Diagonal BiLSTM layers."""

    title = "Diagonal BiLSTM"
    Options: ClassVar[type[Options]] = DiagonalBiLstmOptions

    def recurrence(self, inputs: int, hidden: int, colours: int) -> nn.Module:
        """A Diagonal BiLSTM layer."""
        return _Diagonals(inputs, hidden, colours)


class _Diagonals(nn.Module):
    def __init__(self, inputs: int, hidden: int, colours: int) -> None:
        super().__init__()
        self.inputs = InputToState(inputs, hidden, 0, colours, directions=2)
        self.states = StateToState(hidden, 1, 0, directions=2)

    def forward(self, x: Tensor) -> Tensor:
        """States of both directions added, (batch, rows, columns, hidden)."""
        from_left, from_right = self.inputs(x).chunk(2, 3)
        gates = torch.stack([from_left, from_right.flip(2)])  # (2, batch, rows, columns, gates)
        diagonals = skew(gates).permute(3, 0, 1, 2, 4)  # (diagonals, 2, batch, rows, gates)
        states = unskew(self.states(diagonals).permute(1, 2, 3, 0, 4), x.shape[2])
        left, right = states[0], states[1].flip(2)  # (batch, rows, columns, hidden)
        return left + nn.functional.pad(right[:, :-1], (0, 0, 0, 0, 1, 0))


def skew(maps: Tensor) -> Tensor:
    """Row i shifted right by i, (…, rows, rows + columns − 1, channels); zero where nothing was."""
    rows, columns = maps.shape[-3:-1]
    padded = nn.functional.pad(maps, (0, 0, 0, rows)).flatten(-3, -2)
    return padded[..., :-rows, :].unflatten(-2, (rows, rows + columns - 1))


def unskew(maps: Tensor, columns: int) -> Tensor:
    """What was skewed, (…, rows, columns, channels)."""
    rows = maps.shape[-3]
    padded = nn.functional.pad(maps.flatten(-3, -2), (0, 0, 0, rows))
    return padded.unflatten(-2, (rows, rows + columns))[..., :columns, :]
