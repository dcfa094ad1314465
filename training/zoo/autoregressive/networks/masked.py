"""Linear and convolutional layers some of whose weights a mask holds at zero."""

from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

Layer = TypeVar("Layer", nn.Linear, nn.Conv1d, nn.Conv2d)


class _Mask(nn.Module):
    """Parametrisation that keeps a weight masked."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask.float(), persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


def masked(layer: Layer, mask: Tensor) -> Layer:
    """The layer, its weight multiplied by the mask (of the same shape) from now on."""
    parametrize.register_parametrization(layer, "weight", _Mask(mask))
    return layer


def bake(module: nn.Module) -> None:
    """Puts masked weights in the place of weights and masks, everywhere in a module and for good."""
    for layer in list(module.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")


def masked_conv2d(inputs: int, outputs: int, kernel: int, kind: Literal["A", "B"], colours: int = 1) -> nn.Conv2d:
    """A convolution that sees the pixels before its own in raster order, padded so that the picture keeps its size.

    Kind B also sees its own pixel. With several ``colours``, channels come in as many consecutive groups, and a group
    sees the groups before it (kind B: and itself) at its own pixel (PixelRNN, figure 2 and section 3.4).
    """
    middle = kernel // 2
    mask = torch.zeros(outputs, inputs, kernel, kernel)
    mask[:, :, :middle] = 1
    mask[:, :, middle, :middle] = 1
    mask[:, :, middle, middle] = colour_mask(inputs, outputs, kind, colours)
    return masked(nn.Conv2d(inputs, outputs, kernel, padding=middle), mask)


def colour_mask(inputs: int, outputs: int, kind: Literal["A", "B"], colours: int) -> Tensor:
    """1.0 where an output channel sees an input channel of its own pixel, shape (outputs, inputs)."""
    source = torch.arange(inputs) * colours // inputs  # the colour of every input channel
    target = torch.arange(outputs) * colours // outputs
    sees = source[None, :] < target[:, None] if kind == "A" else source[None, :] <= target[:, None]
    return sees.float()


def colour_linear(inputs: int, outputs: int, colours: int) -> nn.Linear:
    """A convolution 1×1 of kind B over channels that are the last axis."""
    layer = nn.Linear(inputs, outputs)
    return layer if colours == 1 else masked(layer, colour_mask(inputs, outputs, "B", colours))
