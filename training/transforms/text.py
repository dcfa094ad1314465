"""Transforms of texts."""

import torch
from torch import Tensor

from training.data.dataset import Dataset
from training.transforms.base import Transform
from training.zoo.base import Options


class Symbols(Transform):
    """Codes of characters as they are: 0 where the text has ended, c for character c of the alphabet.

    A family that knows that nothing follows the end is a distribution over texts of at most ``length`` characters.
    """

    raw = "text"
    space = "levels"
    density_of = "the text"
    end = 0

    def __init__(self, raw_shape: tuple[int, ...], options: Options) -> None:
        super().__init__(raw_shape, options)
        self.symbols = 1
        self.register_buffer("log_det", torch.zeros(raw_shape))

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(time,)."""
        return self.raw_shape

    @property
    def levels(self) -> int:
        """Characters of the alphabet, and the end."""
        return self.symbols

    def describe(self, dataset: Dataset) -> None:
        """Counts the alphabet."""
        self.symbols = len(dataset.alphabet) + 1

    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """The code."""
        return raw.float()

    def inverse(self, x: Tensor) -> Tensor:
        """The code."""
        return x.to(torch.uint8)
