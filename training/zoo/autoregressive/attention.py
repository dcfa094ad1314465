"""Attention: a causal transformer predicts every dimension from those before it.

The dimensions become tokens in raster order, the channels of a pixel one after the other; a sequence is taken as it is.
A token is the vector of the level before it (a learned one at the start) plus the learned vectors of its own row, column
and channel. Blocks of masked self-attention turn tokens into the logits of p(x_d | x_<d), all in one pass, so log p(x)
is exact and training is parallel. Sampling takes one step per dimension with keys and values of earlier ones cached
(``direct``), or it is the fixed point of the parallel pass with noise held (``fixed_point``); both give the same sample.

N. Parmar et al., "Image Transformer", ICML 2018, arXiv 1802.05751; M. Chen et al., "Generative pretraining from pixels",
ICML 2020 (ImageGPT); A. Vaswani et al., "Attention is all you need", NIPS 2017, arXiv 1706.03762.
"""

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.autoregressive.completion import in_order, keep
from training.zoo.autoregressive.discrete import DiscreteOptions, DiscreteProposals, draw_categorical
from training.zoo.autoregressive.embedding import Places
from training.zoo.autoregressive.transformer import Block, Cache
from training.zoo.base import CompletingSampler, Known, Options
from training.zoo.scan import scan, scan_to_end


class AttentionOptions(DiscreteOptions):
    """Options of ``attention``."""

    blocks: int = Field(default=4, ge=1, description="blocks of attention and network, one above the other")
    width: int = Field(default=64, ge=1, description="length of a token's vector")
    heads: int = Field(default=4, ge=1, description="attentions side by side in a block; they share the width")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of attention and of outputs hidden in training")
    sampler: Literal["direct", "fixed_point"] = Field(
        default="direct", description="what a bundle generates with: one step per dimension, or parallel passes"
    )


class Attention(DiscreteProposals, CompletingSampler):
    """Causal transformer over the dimensions; exact log p(x), exact samples by cached steps or by fixed point."""

    title = "Attention"
    paper = "Parmar et al. 2018, arXiv 1802.05751"
    Options: ClassVar[type[Options]] = AttentionOptions

    def __init__(self, event_shape: tuple[int, ...], options: AttentionOptions) -> None:
        super().__init__(event_shape, options)
        if options.width % options.heads:
            raise ValueError(f"expected a width that {options.heads} heads can share, got {options.width}")
        width, blocks = options.width, options.blocks
        self.place = torch.argsort(self.order)  # of each dimension in the order
        self.tokens = nn.Parameter(0.02 * torch.randn(options.levels, width))
        self.start = nn.Parameter(0.02 * torch.randn(width))
        self.places = Places(event_shape, width)
        self.drop = nn.Dropout(options.dropout)
        self.blocks = nn.ModuleList(Block(width, options.heads, options.dropout, blocks) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, self.outputs)

    @property
    def sampler(self) -> Literal["direct", "fixed_point"]:
        """What the option says: this family has both."""
        return self.options.sampler

    def logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, *event_shape)."""
        levels = x.flatten(1)[:, self.order].long()
        before = nn.functional.embedding(levels[:, :-1], self.tokens)  # (batch, dims - 1, width)
        start = self.start.expand(levels.shape[0], 1, -1)
        h = self.drop(torch.cat([start, before], 1) + self.places())
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h))[:, self.place]

    def generate(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape), one dimension after another in chunks of about √dims.

        A chunk keeps its own keys and values, so that a step copies √dims of them instead of all.
        """
        (u,) = noise
        batch, size = u.shape[0], math.ceil(math.sqrt(self.dims))
        chunks = math.ceil(self.dims / size)

        def chunk(carry: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
            index, *rest = inputs
            before, *past = carry
            shape = (batch, self.options.heads, size, self.options.width // self.options.heads)
            recent = [u.new_zeros(shape) for _ in past]
            (before, *recent), levels = scan_to_end(self._step(index, past, temperature), (before, *recent), rest)
            now = (torch.arange(chunks, device=u.device) == index)[:, None, None]
            past = [torch.where(now, new[:, :, None], old) for new, old in zip(recent, past, strict=True)]
            return (before, *past), levels

        ...
