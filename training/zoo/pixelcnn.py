"""PixelCNN: masked convolutions turn a picture into the logits of every pixel given those before it, in one pass.

Pixels are taken in raster order. The first convolution is masked so that a pixel sees only pixels above it and to its
left; later ones may also see their own place, which by then knows the pixel's past only. In between are residual
blocks that squeeze the channels to half, convolve 3×3 and widen again. A score costs one pass; a sample is the fixed
point of the same pass with the noise held, because nothing is carried from pixel to pixel. Grey levels and colours get
a softmax over levels, colours of a pixel red before green before blue. Masked 3×3 convolutions leave a blind spot above
to the right, which ``gated_pixelcnn`` does not have.

A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016, arXiv 1601.06759;
sections 3.3-3.5, table 1.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import Facts, Options
from training.zoo.parts.conditionals import DiscreteProposals, bake, centred, masked_conv2d, per_dimension


class PixelCnnOptions(Options):
    """Options of ``pixelcnn``."""

    blocks: int = Field(default=7, ge=0, description="residual blocks")
    channels: int = Field(
        default=16, ge=1, description="channels inside a block; between blocks there are twice as many"
    )
    kernel: int = Field(default=7, ge=1, description="side of the first convolution; odd")
    head: int = Field(default=32, ge=1, description="channels of the layer before the logits")


class PixelCnn(DiscreteProposals):
    """Masked convolutions over pictures; exact log p(x), exact samples by fixed point."""

    title = "PixelCNN"
    paper = "van den Oord, Kalchbrenner & Kavukcuoglu 2016, arXiv 1601.06759"
    Options: ClassVar[type[Options]] = PixelCnnOptions

    def __init__(self, facts: Facts, options: PixelCnnOptions) -> None:
        super().__init__(facts, options)
        if len(facts.event_shape) != 3 or options.kernel % 2 == 0:
            raise ValueError("expected pictures and an odd kernel")
        colours = facts.event_shape[0]
        inner, outer = options.channels * colours, 2 * options.channels * colours
        self.first = masked_conv2d(colours, outer, options.kernel, "A", colours)
        self.blocks = nn.ModuleList(_Residual(inner, outer, colours) for _ in range(options.blocks))
        self.head = nn.Sequential(
            nn.ReLU(),
            masked_conv2d(outer, options.head * colours, 1, "B", colours),
            nn.ReLU(),
            masked_conv2d(options.head * colours, self.outputs * colours, 1, "B", colours),
        )
        self.to(memory_format=torch.channels_last)

    def open_logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, colours, height, width)."""
        h = self.first(centred(x, self.facts.levels))
        h = h.contiguous(memory_format=torch.channels_last)  # which makes training on a CPU half again as fast
        for block in self.blocks:
            h = h + block(h)
        return per_dimension(self.head(h), self.outputs)

    def compact(self) -> None:
        """Puts the masks into the weights."""
        bake(self)


class _Residual(nn.Sequential):
    """Squeeze, convolve, widen (figure 5 of the paper, left)."""

    def __init__(self, inner: int, outer: int, colours: int) -> None:
        super().__init__(
            nn.ReLU(),
            masked_conv2d(outer, inner, 1, "B", colours),
            nn.ReLU(),
            masked_conv2d(inner, inner, 3, "B", colours),
            nn.ReLU(),
            masked_conv2d(inner, outer, 1, "B", colours),
        )
