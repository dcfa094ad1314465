"""What both pixel RNNs share: a picture goes through a masked convolution, recurrent layers and a head of logits.

The first convolution (7×7, kind A) sees only pixels before its own; every later step sees at most what was computed at
its own pixel or before. A recurrent layer reads 2h channels and gives h; a 1×1 convolution brings them back to 2h, and
the layer's input is added (residual). Skip connections take every layer's states to the head, which is twice ReLU and
1×1 convolution. Colours are groups of channels in every layer, blue after green after red.

A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016, arXiv 1601.06759;
sections 3.3, 3.4 and table 1.
"""

from abc import abstractmethod

from pydantic import Field
from torch import Tensor, nn

from training.zoo.autoregressive.conditionals.discrete import DiscreteOptions, DiscreteProposals
from training.zoo.autoregressive.networks.masked import bake, colour_linear, masked_conv2d
from training.zoo.autoregressive.pixelcnn import centred, per_dimension

_FIRST_KERNEL = 7


class PixelRnnOptions(DiscreteOptions):
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

    def __init__(self, event_shape: tuple[int, ...], options: PixelRnnOptions) -> None:
        super().__init__(event_shape, options)
        if len(event_shape) != 3:
            raise ValueError(f"expected pictures, (channels, height, width), got {event_shape}")
        colours = event_shape[0]
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

    def logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, colours, height, width)."""
        stream = self.first(centred(x, self.options.levels)).permute(0, 2, 3, 1)  # (batch, rows, columns, channels)
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
