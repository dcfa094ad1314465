"""RNN: a recurrent network reads the dimensions before one and predicts it.

p(x) = Π_t p(x_t | s_t), the state s_t computed from s_{t-1} and x_{t-1} by a long short-term memory or a gated
recurrent unit. By ``element`` a step takes one dimension: a symbol of a sequence, or a pixel in raster order, which may
also read the pixels above it. By ``row`` a step takes a whole row of an image, and a small autoregressive network
inside the row, driven by the state, factorises it: as exact, with 28 recurrent steps instead of 784. Training runs all
steps on the data; sampling carries the state along, so an image costs about as much as one pass over it.

A. Graves, "Generating sequences with recurrent neural networks", 2013, arXiv 1308.0850; S. Hochreiter, J. Schmidhuber,
"Long short-term memory", Neural Computation 9, 1997; K. Cho et al., 2014, arXiv 1406.1078 (gated recurrent unit).
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from training.zoo.autoregressive.conditionals.completion import in_order
from training.zoo.autoregressive.conditionals.discrete import DiscreteConditionals, DiscreteOptions
from training.zoo.autoregressive.networks.embedding import LevelFeatures
from training.zoo.autoregressive.networks.masked import bake
from training.zoo.autoregressive.networks.recurrent import RecurrentOptions
from training.zoo.autoregressive.networks.recurrent_elements import RecurrentElements
from training.zoo.autoregressive.networks.recurrent_rows import RecurrentRows
from training.zoo.base import CompletingSampler, Known, Noise, Options


class RnnOptions(DiscreteOptions, RecurrentOptions):
    """Options of ``rnn``."""

    unit: Literal["element", "row"] = Field(default="element", description="what a recurrent step takes")
    window: int = Field(default=1, ge=0, description="rows above a pixel that a step reads beside its state")
    embedding: int = Field(default=8, ge=1, description="length of a level's vector, where there are more than two")
    head: int = Field(default=512, ge=1, description="hidden units inside a row, with unit = row")


class Rnn(DiscreteConditionals, CompletingSampler):
    """Recurrent network over dimensions or rows; exact log p(x), direct samples."""

    title = "RNN"
    paper = "Graves 2013, arXiv 1308.0850"
    rounding = 5e-3  # a state that went through many steps magnifies rounding, most of all far from the data
    Options: ClassVar[type[Options]] = RnnOptions

    def __init__(self, event_shape: tuple[int, ...], options: RnnOptions) -> None:
        super().__init__(event_shape, options)
        self.place = torch.argsort(self.order)  # of each dimension in the order
        levels = LevelFeatures(options.levels, options.embedding)
        if options.unit == "element":
            self.unit = RecurrentElements(event_shape, levels, self.outputs, options, window=options.window)
            return
        if len(event_shape) != 3 or options.window == 0:
            raise ValueError(f"unit 'row' needs images and a window of 1 or more, got {event_shape}, {options.window}")
        channels, height, width = event_shape
        rows = (height, width * channels)
        self.unit = RecurrentRows(rows, levels, self.outputs, options, window=options.window, head=options.head)

    def compact(self) -> None:
        """Puts masked weights in the place of weights and masks."""
        bake(self)

    def logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, *event_shape)."""
        return self.unit(x.flatten(1)[:, self.order])[:, self.place]

    @property
    def noise(self) -> tuple[Noise, ...]:
        """One uniform number per dimension."""
        return (Noise("u", "uniform", (self.dims,)),)

    def generate(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape)."""
        (u,) = noise
        drawn = self.unit.sample(u[:, self.order].T.contiguous(), temperature, in_order(known, self.order))
        return drawn.T[:, self.place].reshape(-1, *self.event_shape), None
