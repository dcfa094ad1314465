"""Gated PixelCNN: two stacks of gated convolutions that together see exactly the pixels before the current one.

Stacked masked convolutions never see some pixels above and to the right. Here a vertical stack sees all rows above, a
horizontal stack sees the pixels to the left, and in every layer the vertical one feeds the horizontal one. The picture
is moved down by one row before it enters the vertical stack, so what that stack holds at a row is of the rows above,
and feeding it to the same row of the other stack gives nothing away. A layer computes tanh(a) ⊙ σ(b) of two
convolutions; a label adds a bias to both, per layer, and is hidden from a share of the items in training, so that the
same weights also give the density of an item whose label is not known. Only the horizontal stack has residual
connections. Several colours of a pixel are taken one after the other: channels are in groups, and at its own pixel a
group sees the groups before it.

A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu, "Conditional Image Generation with
PixelCNN Decoders", NIPS 2016, arXiv 1606.05328; sections 2.1-2.3, figure 2, equations 2-4. Groups of colours: "Pixel
Recurrent Neural Networks", 2016, arXiv 1601.06759, section 3.4.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import Facts, LabelConditioned, Options
from training.zoo.parts.conditionals import (
    DiscreteProposals,
    bake,
    centred,
    colour_mask,
    masked,
    masked_conv2d,
    per_dimension,
)


class GatedPixelCnnOptions(Options):
    """Options of ``gated_pixelcnn``."""

    label_dropout: float = Field(default=0.2, ge=0, le=1, description="share of the items whose label is hidden")
    layers: int = Field(default=10, ge=0, description="gated layers after the first")
    channels: int = Field(default=128, ge=1, description="channels of either stack, for every colour")
    first_kernel: Literal[3, 5, 7] = Field(default=7, description="side of the first convolution")
    kernel: Literal[3, 5, 7] = Field(default=3, description="side of every further convolution")
    head: int = Field(default=32, ge=1, description="channels of the layer before the logits, for every colour")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of the gated units left out in training")


class GatedPixelCnn(DiscreteProposals, LabelConditioned):
    """Gated convolutions over pictures, of a known label or any; exact log p(x), exact samples by fixed point."""

    title = "Gated PixelCNN"
    paper = "van den Oord et al. 2016, arXiv 1606.05328"
    Options: ClassVar[type[Options]] = GatedPixelCnnOptions

    def __init__(self, facts: Facts, options: GatedPixelCnnOptions) -> None:
        super().__init__(facts, options)
        if len(facts.event_shape) != 3:
            raise ValueError(f"expected pictures (channels, height, width), got items of shape {facts.event_shape}")
        colours = facts.event_shape[0]
        channels, head = options.channels * colours, options.head * colours
        self.first = _Layer(colours, channels, options.first_kernel, facts, options, kind="A")
        self.layers = nn.ModuleList(
            _Layer(channels, channels, options.kernel, facts, options, kind="B") for _ in range(options.layers)
        )
        self.head = nn.Sequential(
            nn.ReLU(),
            masked_conv2d(channels, head, 1, "B", colours),
            nn.ReLU(),
            masked_conv2d(head, self.outputs * colours, 1, "B", colours),
        )
        self.to(memory_format=torch.channels_last)

    def open_logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, colours, height, width)."""
        label = told.get("label", torch.full((x.shape[0],), self.classes, device=x.device))
        left = centred(x, self.facts.levels)
        above = nn.functional.pad(left, (0, 0, 1, -1))  # one row down
        above, left = self.first(above, left, label)
        for layer in self.layers:
            above, more = layer(above, left, label)
            left = left + more
        return per_dimension(self.head(left), self.outputs)

    def loss(self, x: Tensor, **told: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats, given the labels of all but a share of the items."""
        if "label" in told:
            hidden = torch.rand(x.shape[0], device=x.device) < self.options.label_dropout
            told = {"label": torch.where(hidden, self.classes, told["label"])}
        return super().loss(x, **told)

    def compact(self) -> None:
        """Puts the masks into the weights."""
        bake(self)


class _Layer(nn.Module):
    """A gated convolution of either stack, and the way from the vertical to the horizontal one (figure 2)."""

    def __init__(
        self,
        inputs: int,
        channels: int,
        kernel: int,
        facts: Facts,
        options: GatedPixelCnnOptions,
        *,
        kind: Literal["A", "B"],
    ) -> None:
        super().__init__()
        colours = facts.event_shape[0]
        self.reach = kernel // 2
        self.vertical = nn.Conv2d(inputs, 2 * channels, (self.reach + 1, kernel))
        self.horizontal = _to_the_left(inputs, 2 * channels, self.reach, kind, colours)
        self.link = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.merge = masked_conv2d(channels, channels, 1, "B", colours)
        self.dropout = nn.Dropout(options.dropout)
        self.label = nn.Embedding(facts.classes + 1, 2 * channels) if facts.classes else None
        if self.label is not None:
            nn.init.zeros_(self.label.weight)

    def forward(self, above: Tensor, left: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """The next state of the vertical stack, and what is added to the horizontal one.

        Both (batch, channels, height, width); ``label`` is (batch,).
        """
        above = self.vertical(nn.functional.pad(above, (self.reach, self.reach, self.reach, 0)))
        left = self.horizontal(nn.functional.pad(left, (self.reach, 0)))
        # The layout makes training on a CPU a quarter faster.
        above, left = (stack.contiguous(memory_format=torch.channels_last) for stack in (above, left))
        if self.label is not None:
            above = above + self.label(label)[:, :, None, None]  # reaches the other stack through the link
        return self.dropout(_gate(above)), self.merge(self.dropout(_gate(left + self.link(above))))


def _gate(features: Tensor) -> Tensor:
    """tanh(a) ⊙ σ(2b) of the two halves of the channels; the 2, which weights take up, makes one tanh do for both."""
    a, b = torch.tanh(features).chunk(2, 1)
    return a * (0.5 * b + 0.5)


def _to_the_left(inputs: int, outputs: int, reach: int, kind: Literal["A", "B"], colours: int) -> nn.Conv2d:
    """A convolution over a pixel's row up to the pixel, of which it sees the colours that ``kind`` says.

    Both halves of the outputs are in groups of colours.
    """
    mask = torch.ones(outputs, inputs, 1, reach + 1)
    mask[:, :, 0, -1] = colour_mask(inputs, outputs // 2, kind, colours).repeat(2, 1)
    return masked(nn.Conv2d(inputs, outputs, (1, reach + 1)), mask)
