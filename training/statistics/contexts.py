"""Discrete items as symbols in small contexts: what a simple compressor would look at.

A picture in two colours gives every pixel as a symbol in the context of four neighbours that come before it in reading
order, as the template coders of fax machines do. A picture in grey or colour levels gives the difference from what the
neighbours predict (the median edge detector of LOCO-I; M. Weinberger, G. Seroussi, G. Sapiro, 2000), a recording the
difference from the sample before, a text its characters. Differences are taken modulo the number of levels, so nothing
is lost: the symbols are the item.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from training.transforms import Transform


class Contexts(nn.Module, ABC):
    """x, (n, *event_shape), as symbols 0..symbols−1 in contexts 0..contexts−1."""

    contexts: int = 1
    symbols: int

    @abstractmethod
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Context and symbol of every dimension, float32 whole numbers, (n, dims) each."""

    def views(self, x: Tensor) -> list[Tensor]:
        """The items as they might as well have been."""
        return [x]

    def places(self, x: Tensor) -> Tensor:
        """Context and symbol as one index, int64, (n, dims)."""
        context, symbol = self(x)
        return (context * self.symbols + symbol).long()

    def counts(self, x: Tensor) -> Tensor:
        """How often each symbol occurs in each context in every item, float32, (n, contexts, symbols)."""
        places = self.places(x)
        counted = torch.zeros(x.shape[0], self.contexts * self.symbols, device=x.device)
        counted = counted.scatter_add(1, places, torch.ones_like(places, dtype=torch.float32))
        return counted.reshape(-1, self.contexts, self.symbols)


class Picture(Contexts):
    """Pictures might as well have been turned or mirrored."""

    def views(self, x: Tensor) -> list[Tensor]:
        """All eight orientations, or the four that keep the shape."""
        return orientations(x)


class BinaryNeighbours(Picture):
    """Pixels of two colours, given those to the left, above left, above, and above right."""

    contexts, symbols = 16, 2

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Context and pixel, (n, dims) each; outside the picture is 0."""
        left, above_left, above, above_right = neighbours(x)
        context = left + 2 * above_left + 4 * above + 8 * above_right
        return context.flatten(1), x.flatten(1)


class PredictedPixels(Picture):
    """Differences of grey or colour levels from the median edge detector."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.symbols = levels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Context 0 and the difference, (n, dims) each; outside the picture is 0."""
        left, corner, above, _ = neighbours(x)
        least, most = torch.minimum(left, above), torch.maximum(left, above)
        predicted = torch.where(corner >= most, least, torch.where(corner <= least, most, left + above - corner))
        difference = _modulo(x - predicted, self.symbols).flatten(1)
        return torch.zeros_like(difference), difference


class PredictedSamples(Contexts):
    """Differences of the levels of a recording from the sample before."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.symbols = levels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Context 0 and the difference, (n, time) each; before the beginning is the middle level."""
        before = nn.functional.pad(x[:, :-1], (1, 0), value=float(self.symbols // 2))
        difference = _modulo(x - before, self.symbols)
        return torch.zeros_like(difference), difference


class Characters(Contexts):
    """The symbols of a text as they are."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.symbols = levels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Context 0 and the symbol, (n, time) each."""
        return torch.zeros_like(x), x


def neighbours(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The pixels to the left, above left, above, and above right of each, shaped like x; 0 outside the picture."""
    height, width = x.shape[2:]
    padded = nn.functional.pad(x, (1, 1, 1, 0))  # (n, channels, height + 1, width + 2)
    above = padded[:, :, :height]
    return padded[:, :, 1:, :width], above[..., :width], above[..., 1 : width + 1], above[..., 2:]


def orientations(x: Tensor) -> list[Tensor]:
    """All eight orientations of pictures, or the four that keep the shape."""
    quarters = range(4) if x.shape[2] == x.shape[3] else (0, 2)
    return [seen.rot90(turn, (2, 3)) for seen in (x, x.flip(3)) for turn in quarters]


def contexts_of(transform: Transform) -> Contexts | None:
    """How items of this transform are looked at; None where x is not discrete."""
    if transform.levels == 0:
        return None
    match transform.raw, transform.levels:
        case "image", 2:
            return BinaryNeighbours()
        case "image", levels:
            return PredictedPixels(levels)
        case "audio", levels:
            return PredictedSamples(levels)
        case "text", levels:
            return Characters(levels)
    return None


def _modulo(values: Tensor, count: int) -> Tensor:
    """Values from −2·count up to 2·count, brought to 0..count−1."""
    return values - count * torch.floor(values / count)
