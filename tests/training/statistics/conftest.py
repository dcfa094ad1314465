"""Spaces so small that every item in them can be listed."""

import itertools
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from training.statistics.contexts import BinaryNeighbours, Characters, Contexts, PredictedPixels, PredictedSamples


@dataclass(frozen=True)
class Space:
    """All items of one shape, and how they are looked at."""

    contexts: Contexts
    event_shape: tuple[int, ...]

    @property
    def dims(self) -> int:
        """Dimensions of an item."""
        return torch.Size(self.event_shape).numel()

    def every(self) -> Tensor:
        """Every item, (symbols^dims, *event_shape)."""
        listed = itertools.product(range(self.contexts.symbols), repeat=self.dims)
        return torch.tensor(list(listed), dtype=torch.float32).reshape(-1, *self.event_shape)

    def some(self, n: int, seed: int = 0) -> Tensor:
        """Random items with more small values than large ones, (n, *event_shape)."""
        uniform = torch.rand((n, *self.event_shape), generator=torch.Generator().manual_seed(seed))
        return (uniform.square() * self.contexts.symbols).floor()


SPACES = {
    "binary": Space(BinaryNeighbours(), (1, 3, 3)),
    "binary-wide": Space(BinaryNeighbours(), (1, 2, 4)),
    "binary-colours": Space(BinaryNeighbours(), (2, 2, 2)),
    "grey": Space(PredictedPixels(3), (1, 2, 3)),
    "grey-tall": Space(PredictedPixels(5), (1, 4, 1)),
    "colours": Space(PredictedPixels(2), (3, 1, 3)),
    "recording": Space(PredictedSamples(4), (5,)),
    "recording-odd": Space(PredictedSamples(3), (6,)),
    "text": Space(Characters(4), (5,)),
}
PICTURES = [name for name, space in SPACES.items() if len(space.event_shape) == 3]


@pytest.fixture(params=SPACES)
def space(request) -> Space:
    return SPACES[request.param]


@pytest.fixture(params=PICTURES)
def pictures(request) -> Space:
    return SPACES[request.param]
