"""What a transform is: a torch module between what people have and what a family models."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from training.zoo.base import Noise, Options, Space

Raw = Literal["image", "row", "audio", "text"]


@dataclass(frozen=True)
class DataFacts:
    """What a transform is told about raw data: their kind, and the shape of one item.

    Of texts also the ``alphabet``; of rows how many ``categories`` each column has, 0 of numbers, and none at all where
    every column holds numbers.
    """

    kind: Raw
    shape: tuple[int, ...]
    alphabet: str = ""
    categories: tuple[int, ...] = ()


class Transform(nn.Module, ABC):
    """Raw arrays to model space and back, with the log-determinant.

    Raw images are uint8 (batch, height, width, channels), rows float32 (batch, features), recordings int16
    (batch, time), texts uint8 codes (batch, time). ``log_det`` is a tensor of shape event_shape: log |dx/draw| per
    dimension, to be added to a log-density over x to get one over raw data; where it depends on x, ``raw_terms`` says
    more. ``end`` is the level that ends an item and that nothing but itself follows; None where items have no end.
    """

    raw: ClassVar[Raw]
    space: ClassVar[Space]
    density_of: ClassVar[str]
    end: ClassVar[int | None] = None
    Options: ClassVar[type[Options]] = Options

    log_det: Tensor

    def __init__(self, facts: DataFacts, options: Options) -> None:
        super().__init__()
        self.facts, self.options = facts, options

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """Shape of one raw item."""
        return self.facts.shape

    @property
    @abstractmethod
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one x in model space."""

    @property
    def levels(self) -> int:
        """How many values a dimension of x can take: 2 for binary data; 0 for real numbers."""
        return {"binary": 2}.get(self.space, 0)

    @property
    def score_noise(self) -> tuple[Noise, ...]:
        """Noise that ``forward`` takes; shared by all rows, so that the same input always gets the same score."""
        return ()

    @property
    def bound(self) -> str | None:
        """Name of the bound this transform makes of an exact log-density, for one draw; None where it stays exact."""
        return None

    @property
    def protocol(self) -> str:
        """How model-space data is drawn from raw data in training and evaluation, for the results table."""
        return self.density_of

    @property
    def nats_of(self) -> str:
        """What log-densities in nats are of: those of two transforms are comparable where this is the same."""
        return self.protocol

    def fit(self, raw: np.ndarray) -> None:
        """Takes what it needs to know from the fit split."""

    def prepare(self, raw: np.ndarray, seed: int) -> np.ndarray:
        """Raw data as it should be stored for this recipe, same shape and type; unchanged unless the protocol says."""
        return raw

    @abstractmethod
    def forward(self, raw: Tensor, *noise: Tensor) -> Tensor:
        """Model-space x for scoring, deterministic given the noise; float32, shape (batch, *event_shape)."""

    @abstractmethod
    def inverse(self, x: Tensor) -> Tensor:
        """Raw data for model-space x."""

    def nearest(self, x: Tensor) -> Tensor:
        """Raw data for any real numbers x, brought to a level where the space has levels; (batch, *event_shape)."""
        return self.inverse(torch.clamp(torch.round(x), 0, self.levels - 1) if self.levels else x)

    def raw_terms(self, terms: Tensor, x: Tensor, raw: Tensor) -> Tensor:
        """Terms of log p(raw), float64, from those of log p(x); x and terms (batch, *event_shape)."""
        return terms.double() + self.log_det.double()

    def training_view(self, raw: Tensor) -> Tensor:
        """Model-space x for one training step; may draw from torch's global generator."""
        return self(raw)

    def raw_tails(self, tails: Tensor, raw: Tensor) -> Tensor:
        """Logarithms of the tail probabilities of raw data from those of x: the same, for any monotone map."""
        return tails

    def log_det_of(self, x: Tensor, raw: Tensor) -> Tensor:
        """What is added to log p(x) to get log p(raw), in nats; float64, shape (batch,)."""
        return self.raw_terms(torch.zeros_like(x), x, raw).flatten(1).sum(1)
