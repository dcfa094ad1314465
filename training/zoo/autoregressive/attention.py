"""Attention: a causal transformer predicts every dimension from those before it.

By ``element`` the dimensions become tokens in raster order, the channels of a pixel one after the other; a sequence is
taken as it is. A token is the vector of the level before it plus the learned vectors of its own row, column and
channel. Blocks of masked self-attention turn tokens into the logits of p(x_d | x_<d), all in one pass, so log p(x) is
exact and training is parallel. By ``row`` a token is a whole row of an image, and a small autoregressive network inside
the row turns the token's state into logits: as exact, and 28 tokens instead of 784. Sampling takes one step per token
with the keys and values of earlier ones kept (``direct``), or it is the fixed point of the parallel pass with the noise
held (``fixed_point``); both give the same sample.

N. Parmar et al., "Image Transformer", ICML 2018, arXiv 1802.05751; M. Chen et al., "Generative pretraining from
pixels", ICML 2020 (ImageGPT); A. Vaswani et al., "Attention is all you need", NIPS 2017, arXiv 1706.03762.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from training.zoo.autoregressive.conditionals.completion import in_order
from training.zoo.autoregressive.conditionals.discrete import DiscreteOptions, DiscreteProposals
from training.zoo.autoregressive.networks.attention_elements import AttentionElements
from training.zoo.autoregressive.networks.attention_rows import AttentionRows
from training.zoo.autoregressive.networks.embedding import LevelFeatures
from training.zoo.autoregressive.networks.masked import bake
from training.zoo.autoregressive.networks.transformer import TransformerOptions
from training.zoo.base import CompletingSampler, Known, Options


class AttentionOptions(DiscreteOptions, TransformerOptions):
    """Options of ``attention``."""

    unit: Literal["element", "row"] = Field(default="element", description="what a token is")
    embedding: int = Field(default=8, ge=1, description="length of a level's vector in a row, if there are over two")
    head: int = Field(default=512, ge=1, description="hidden units inside a row, with unit = row")
    sampler: Literal["direct", "fixed_point"] = Field(
        default="direct", description="what a bundle generates with: one step per token, or parallel passes"
    )


class Attention(DiscreteProposals, CompletingSampler):
    """Causal transformer over dimensions or rows; exact log p(x), exact samples by cached steps or by fixed point."""

    title = "Attention"
    paper = "Parmar et al. 2018, arXiv 1802.05751"
    Options: ClassVar[type[Options]] = AttentionOptions

    def __init__(self, event_shape: tuple[int, ...], options: AttentionOptions) -> None:
        super().__init__(event_shape, options)
        self.place = torch.argsort(self.order)  # of each dimension in the order
        if options.unit == "element":
            self.unit = AttentionElements(event_shape, options.levels, self.outputs, options)
            return
        if len(event_shape) != 3:
            raise ValueError(f"unit 'row' needs images, got {event_shape}")
        channels, height, width = event_shape
        levels = LevelFeatures(options.levels, options.embedding)
        self.unit = AttentionRows((height, width * channels), levels, self.outputs, options, head=options.head)

    @property
    def sampler(self) -> Literal["direct", "fixed_point"]:
        """What the option says: this family has both."""
        return self.options.sampler

    def compact(self) -> None:
        """Puts masked weights in the place of weights and masks."""
        bake(self)

    def logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, *event_shape)."""
        return self.unit(x.flatten(1)[:, self.order])[:, self.place]

    def generate(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape)."""
        (u,) = noise
        drawn = self.unit.sample(u[:, self.order].T.contiguous(), temperature, in_order(known, self.order))
        return drawn.T[:, self.place].reshape(-1, *self.event_shape), None
