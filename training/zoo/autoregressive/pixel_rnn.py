"""What both pixel RNNs share: a picture goes through a masked convolution, recurrent layers and a head of logits.

The first convolution (7×7, kind A) sees only pixels before its own; every later step sees at most what was computed at
its own pixel or before. A recurrent layer reads 2h channels and gives h; a 1×1 convolution brings them back to 2h, and
the layer's input is added (residual). Skip connections take every layer's states to the head, which is twice ReLU and
1×1 convolution. Colour channels are groups of channels in every layer, blue after green after red.

A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016, arXiv 1601.06759;
sections 3.3, 3.4 and table 1.
"""

from abc import abstractmethod

from pydantic import Field
from torch import Tensor, nn

from training.zoo.autoregressive.discrete import DiscreteOptions, DiscreteProposals
from training.zoo.autoregressive.masked import bake, colour_linear, masked_conv2d

_FIRST_KERNEL = 7


class PixelRnnOptions(DiscreteOptions):
    """Options of both pixel RNNs."""

    layers: int = Field(default=7, ge=1, description="recurrent layers")
    hidden: int = Field(default=16, ge=1, description="units h of a recurrent layer; 2h channels between layers")
    head: int = Field(default=32, ge=1, description="channels of the head's hidden layer")
    residual: bool = Field(default=True, description="whether a layer's input is added to its output")
    skip: bool = Field(default=True, description="whether every layer is also connected to the head")


class PixelRnn(DiscreteProposals):
    """Recurrent layers over pictures; exact log p(x), exact samples by fixed point."""

    paper = "van den Oord, Kalchbrenner & Kavukcuoglu 2016, arXiv 1601.06759"

    def __init__(self, event_shape: tuple[int, ...], options: PixelRnnOptions) -> None:
        super().__init__(event_shape, options)
        self.colours = _colours(event_shape, options.hidden)
        width = 2 * options.hidden
        self.first = masked_conv2d(self.colours, width, _FIRST_KERNEL, "A", self.colours)
        self.layers = nn.ModuleList(
            _Layer(self.recurrence(width), width, self.colours, options) for _ in range(options.layers)
        )
        self.head = nn.Sequential(
            nn.ReLU(),
            colour_linear(width, options.head, self.colours),
            nn.ReLU(),
            colour_linear(options.head, self.colours * self.outputs, self.colours),
        )

    @abstractmethod
    def recurrence(self, width: int) -> nn.Module:
        """A fresh recurrent layer: (batch, rows, columns, width) → the same with ``hidden`` channels."""

    def logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, *event_shape)."""
        scaled = 2 * x / (self.options.levels - 1) - 1  # so that zero, which pads the picture, is no level's number
        stream, skipped = self.first(scaled).permute(0, 2, 3, 1), 0  # (batch, rows, columns, channels)
        for layer in self.layers:
            stream, skip = layer(stream)
            skipped = skipped + skip
        logits = self.head(stream + skipped).unflatten(3, (self.colours, self.outputs))
        return logits.permute(0, 3, 1, 2, 4).flatten(1, 3)

    def compact(self) -> None:
        """Puts masked weights in the place of weights and masks."""
        bake(self)


class _Layer(nn.Module):
    def __init__(self, recurrence: nn.Module, width: int, colours: int, options: PixelRnnOptions) -> None:
        super().__init__()
        self.recurrence, self.residual = recurrence, options.residual
        self.up = colour_linear(options.hidden, width, colours)
        self.skip = colour_linear(options.hidden, width, colours) if options.skip else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | int]:
        """What the next layer and what the head gets, both (batch, rows, columns, width)."""
        h = self.recurrence(x)
        up = self.up(h)
        return x + up if self.residual else up, 0 if self.skip is None else self.skip(h)


def _colours(event_shape: tuple[int, ...], hidden: int) -> int:
    if len(event_shape) != 3:
        raise ValueError(f"expected pictures (channels, height, width), got {event_shape}")
    if hidden % event_shape[0]:
        raise ValueError(f"expected hidden to be a multiple of the {event_shape[0]} channels of a picture, got {hidden}")
    return event_shape[0]
