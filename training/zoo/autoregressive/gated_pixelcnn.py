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

from training.zoo.autoregressive.discrete import DiscreteOptions, DiscreteProposals
from training.zoo.autoregressive.masked import masked, masked_conv2d
from training.zoo.base import LabelConditioned, Options


class GatedPixelCnnOptions(DiscreteOptions):
    """Options of ``gated_pixelcnn``."""

    classes: int = Field(default=0, ge=0, description="labels it can be told; without it what the data has, 0 for none")
    label_dropout: float = Field(default=0.2, ge=0, le=1, description="share of the items whose label is hidden")
    layers: int = Field(default=10, ge=1, description="gated layers after the first")
    channels: int = Field(default=128, ge=1, description="channels of either stack")
    first_kernel: Literal[3, 5, 7] = Field(default=7, description="pixels the first layer spans")
    kernel: Literal[3, 5, 7] = Field(default=3, description="pixels every further layer spans")
    skip: bool = Field(default=True, description="whether the head sees all layers, or only the last")
    head: int = Field(default=32, ge=1, description="channels between the two layers of the head")


class GatedPixelCnn(DiscreteProposals, LabelConditioned):
    """Gated convolutions over pictures of levels; exact log p(x), exact samples by fixed point, labels."""

    title = "Gated PixelCNN"
    paper = "van den Oord et al. 2016, arXiv 1606.05328"
    Options: ClassVar[type[Options]] = GatedPixelCnnOptions

    def __init__(self, event_shape: tuple[int, ...], options: GatedPixelCnnOptions) -> None:
        if len(event_shape) != 3:
            raise ValueError(f"expected pictures (channels, height, width), got items of shape {event_shape}")
        super().__init__(event_shape, options)
        colours, channels = event_shape[0], options.channels
        layers = [GatedLayer(colours, options, first=True)]
        layers += [GatedLayer(colours, options, first=False) for _ in range(options.layers)]
        self.layers = nn.ModuleList(layers)
        self.before_head = masked_conv2d(channels, options.head, 1, "B", colours)
        self.head = masked_conv2d(options.head, colours * self.outputs, 1, "B", colours)

    @property
    def classes(self) -> int:
        """Number of labels, 0 if it takes none."""
        return self.options.classes

    def logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, *event_shape)."""
        label = told.get("label")
        if label is None:
            label = torch.full((x.shape[0],), self.classes, device=x.device)
        horizontal = 2 * x / (self.options.levels - 1) - 1  # so that a pixel differs from the zeros around the picture
        vertical = nn.functional.pad(horizontal, (0, 0, 1, -1))  # rows above only
        seen = 0
        for layer in self.layers:
            vertical, horizontal, skipped = layer(vertical, horizontal, label)
            seen = seen + skipped
        seen = seen if self.options.skip else horizontal
        y = self.head(torch.relu(self.before_head(torch.relu(seen))))  # (batch, colours · outputs, height, width)
        y = y.unflatten(1, (self.event_shape[0], self.outputs))
        return y.permute(0, 1, 3, 4, 2).flatten(1, 3).float()  # (batch, dims, outputs)

    def loss(self, x: Tensor, **told: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats, given the label for all but a share of the items."""
        if "label" in told:
            hidden = torch.rand(x.shape[0], device=x.device) < self.options.label_dropout
            told = {"label": torch.where(hidden, self.classes, told["label"])}
        return super().loss(x, **told)


class GatedLayer(nn.Module):
    """One layer of both stacks."""

    def __init__(self, colours: int, options: GatedPixelCnnOptions, *, first: bool) -> None:
        super().__init__()
        channels = options.channels
        inputs, kernel = (colours, options.first_kernel) if first else (channels, options.kernel)
        self.first, self.skips, self.reach = first, options.skip, kernel // 2
        self.vertical = nn.Conv2d(inputs, 2 * channels, (self.reach + 1, kernel), padding=(self.reach, self.reach))
        self.horizontal = _to_the_left(inputs, 2 * channels, self.reach, "A" if first else "B", colours)
        self.link = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.label = nn.Embedding(options.classes + 1, 2 * channels) if options.classes else None
        self.merge = masked_conv2d(channels, channels, 1, "B", colours)
        self.skip = masked_conv2d(channels, channels, 1, "B", colours) if options.skip else None

    def forward(self, vertical: Tensor, horizontal: Tensor, label: Tensor) -> tuple[Tensor, Tensor, Tensor | int]:
        """What either stack holds after the layer, and what goes to the head; all (batch, channels, height, width)."""
        above = self.vertical(vertical)[:, :, : vertical.shape[2]]
        if self.label is not None:
            above = above + self.label(label)[:, :, None, None]
        left = self.horizontal(nn.functional.pad(horizontal, (self.reach, 0)))
        gated = _gate(left + self.link(above))
        merged = self.merge(gated)
        skipped = 0 if self.skip is None else self.skip(gated)
        return _gate(above), merged if self.first else horizontal + merged, skipped


def _gate(features: Tensor) -> Tensor:
    a, b = features.chunk(2, 1)
    return torch.tanh(a) * torch.sigmoid(b)


def _to_the_left(inputs: int, outputs: int, reach: int, kind: Literal["A", "B"], colours: int) -> nn.Conv2d:
    """A convolution over the last pixels of a row that are seen, with both halves of the outputs in colour groups."""
    source = torch.arange(inputs) * colours // inputs
    half = torch.arange(outputs // 2) * colours // (outputs // 2)
    target = half.repeat(2)
    mask = torch.ones(outputs, inputs, 1, reach + 1)
    mask[..., 0, -1] = source[None] < target[:, None] if kind == "A" else source[None] <= target[:, None]
    return masked(nn.Conv2d(inputs, outputs, (1, reach + 1)), mask)
