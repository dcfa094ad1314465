"""What both pixel RNNs share: a picture goes through a masked convolution, recurrent layers and a head of logits.

The first convolution (7×7, kind A) sees only pixels before its own; every later step sees at most what was computed at
its own pixel or before. A recurrent layer reads 2h channels and gives h; a 1×1 convolution brings them back to 2h, and
the layer's input is added (residual). Skip connections take every layer's states to the head, which is twice ReLU and
1×1 convolution. Colours are groups of channels in every layer, blue after green after red.

The recurrence is an LSTM whose cells form lines, all cells of a line at once: rows for a Row LSTM, diagonals for a
Diagonal BiLSTM. The state of a cell comes from a few neighbours in the line before it, by a convolution along the line:
[o, f, i, g] = gates of the input + K ⊛ h_before, c = σ(f) c_before + σ(i) tanh(g), h = σ(o) tanh(c), where c_before is
that of the same place in the line. The gates of the input are computed for all lines beforehand, so that a line costs
one matrix product. There channels are the last axis, which makes convolutions along a line, and those of a single
pixel, matrix products.

A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016, arXiv 1601.06759;
equation 3, sections 3.3, 3.4 and table 1.
"""

from abc import abstractmethod

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import Facts, Options
from training.zoo.parts.conditionals import (
    DiscreteProposals,
    bake,
    centred,
    colour_linear,
    colour_mask,
    masked,
    masked_conv2d,
    per_dimension,
    scan,
)

_FIRST_KERNEL = 7


class PixelRnnOptions(Options):
    """Options of both pixel RNNs."""

    layers: int = Field(default=7, ge=1, description="recurrent layers")
    hidden: int = Field(
        default=16, ge=1, description="units of a recurrent layer, per colour; twice as many channels between layers"
    )
    head: int = Field(default=32, ge=1, description="channels of the layer before the logits, per colour")
    residual: bool = Field(default=True, description="whether a layer's input is added to its output")
    skip: bool = Field(default=True, description="whether every layer is also connected to the head")


class PixelRnn(DiscreteProposals):
    """Recurrent layers over pictures; exact log p(x), exact samples by fixed point."""

    paper = "van den Oord, Kalchbrenner & Kavukcuoglu 2016, arXiv 1601.06759"

    def __init__(self, facts: Facts, options: PixelRnnOptions) -> None:
        super().__init__(facts, options)
        if len(facts.event_shape) != 3:
            raise ValueError(f"expected pictures, (channels, height, width), got {facts.event_shape}")
        colours = facts.event_shape[0]
        hidden, head = options.hidden * colours, options.head * colours
        self.first = masked_conv2d(colours, 2 * hidden, _FIRST_KERNEL, "A", colours)
        self.layers = nn.ModuleList(
            _Layer(self.recurrence(2 * hidden, hidden, colours), hidden, colours, options)
            for _ in range(options.layers)
        )
        self.head = nn.Sequential(
            nn.ReLU(),
            colour_linear(2 * hidden, head, colours),
            nn.ReLU(),
            colour_linear(head, self.outputs * colours, colours),
        )

    @abstractmethod
    def recurrence(self, inputs: int, hidden: int, colours: int) -> nn.Module:
        """A fresh recurrent layer: (batch, rows, columns, inputs) → (batch, rows, columns, hidden)."""

    def open_logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, colours, height, width)."""
        stream = self.first(centred(x, self.facts.levels)).permute(0, 2, 3, 1)  # (batch, rows, columns, channels)
        skipped = 0
        for layer in self.layers:
            stream, skip = layer(stream)
            skipped = skipped + skip
        maps = self.head(stream + skipped).permute(0, 3, 1, 2)
        return per_dimension(maps, self.outputs)

    def compact(self) -> None:
        """Puts the masks into the weights."""
        bake(self)


class _Layer(nn.Module):
    def __init__(self, recurrence: nn.Module, hidden: int, colours: int, options: PixelRnnOptions) -> None:
        super().__init__()
        self.recurrence, self.residual = recurrence, options.residual
        self.up = colour_linear(hidden, 2 * hidden, colours)
        self.skip = colour_linear(hidden, 2 * hidden, colours) if options.skip else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | int]:
        """What the next layer and what the head gets, both (batch, rows, columns, 2 · hidden)."""
        h = self.recurrence(x)
        up = self.up(h)
        return x + up if self.residual else up, 0 if self.skip is None else self.skip(h)


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
