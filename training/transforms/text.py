"""Transforms of texts."""

import torch
from torch import Tensor

from training.transforms.base import DataFacts, Transform
from training.zoo.base import Options


class Symbols(Transform):
    """Codes of characters as they are: 0 where the text has ended, c for character c of the alphabet.

    A family that knows that nothing follows the end is a distribution over texts of at most ``length`` characters.
    """

    raw = "text"
    space = "levels"
    density_of = "the text"
    end = 0

    def __init__(self, facts: DataFacts, options: Options) -> None:
        super().__init__(facts, options)
        self.register_buffer("log_det", torch.zeros(facts.shape))

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(time,)."""
        return self.raw_shape

    @property
    def levels(self) -> int:
        """Characters of the alphabet, and the end."""
        return len(self.facts.alphabet) + 1

    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """The code."""
        return raw.float()

    def inverse(self, x: Tensor) -> Tensor:
        """The code."""
        return x.to(torch.uint8)
