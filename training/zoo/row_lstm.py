"""Row LSTM: a recurrent network that reads a picture row by row, a whole row at once.

The state of a pixel comes from three neighbouring states in the row above, by a convolution along the row, and from
inputs at and left of the pixel, by another one that is masked; so through the rows a pixel sees a triangle above it,
and through several layers all that the convolutions let pass. Row r needs nothing of row r but inputs, therefore the
loop has as many steps as the picture has rows.

A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016, arXiv 1601.06759;
section 3.1.
"""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import Options
from training.zoo.parts.pixel_rnn import InputToState, PixelRnn, PixelRnnOptions, StateToState


class RowLstmOptions(PixelRnnOptions):
    """Options of ``row_lstm``."""

    kernel: Literal[3, 5, 7] = Field(default=3, description="width of both convolutions along a row")


class RowLstm(PixelRnn):
    """Pixel RNN with Row LSTM layers."""

    title = "Row LSTM"
    Options: ClassVar[type[Options]] = RowLstmOptions

    def recurrence(self, inputs: int, hidden: int, colours: int) -> nn.Module:
        """A Row LSTM layer."""
        return _Rows(inputs, hidden, colours, self.options.kernel)


class _Rows(nn.Module):
    def __init__(self, inputs: int, hidden: int, colours: int, kernel: int) -> None:
        super().__init__()
        self.inputs = InputToState(inputs, hidden, kernel // 2, colours)
        self.states = StateToState(hidden, kernel // 2, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """States (batch, rows, columns, hidden)."""
        rows = self.inputs(x).transpose(0, 1)[:, None]  # (rows, 1, batch, columns, gates)
        return self.states(rows).squeeze(1).transpose(0, 1)
