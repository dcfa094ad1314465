"""Attention: a causal transformer predicts every dimension from those before it.

The dimensions become tokens in raster order, the channels of a pixel one after the other; a sequence is taken as it
is. A token is the vector of the level before it (a learned one at the start) plus the learned vectors of its own row,
column and channel. Blocks of masked self-attention turn tokens into the logits of p(x_d | x_<d), all in one pass, so
log p(x) is exact and training is parallel. Sampling takes one step per dimension with the keys and values of earlier
ones kept (``direct``), or it is the fixed point of the parallel pass with the noise held (``fixed_point``); both give
the same sample.

N. Parmar et al., "Image Transformer", ICML 2018, arXiv 1802.05751; M. Chen et al., "Generative pretraining from
pixels", ICML 2020 (ImageGPT); A. Vaswani et al., "Attention is all you need", NIPS 2017, arXiv 1706.03762.
"""

import math
from collections.abc import Callable
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
        """Exact samples, shape (batch, *event_shape): one dimension after another, in chunks of about √dims.

        A chunk has keys and values of its own, so that a step writes a copy of √dims of them instead of all.
        """
        (u,) = noise
        size = math.ceil(math.sqrt(self.dims))
        walked = (self.places(), u[:, self.order].T, *in_order(known, self.order))
        chunked = [_in_chunks(array, size) for array in walked]  # each (chunks, size, …)
        count = len(chunked[0])
        positions = torch.arange(count * size, device=u.device).reshape(count, size, 1)
        cached = (u.shape[0], self.options.heads, size, self.options.width // self.options.heads)

        def chunk(carry: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
            before, *past = carry
            recent = [u.new_zeros(cached) for _ in past]
            (before, *recent), levels = scan_to_end(self._step(past, temperature), (before, *recent), inputs)
            now = inputs[0][0] == positions[:, 0]  # (chunks, 1)
            past = [torch.where(now[:, None], new[:, :, None], old) for new, old in zip(recent, past, strict=True)]
            return (before.clone(), *past), levels.clone()

        empty = [u.new_zeros(*cached[:2], count, *cached[2:]) for _ in range(2 * len(self.blocks))]
        start = self.start.expand(u.shape[0], -1).clone()
        levels = scan(chunk, (start, *empty), (positions, *chunked)).flatten(0, 1)[: self.dims]  # (dims, batch)
        return levels.T[:, self.place].reshape(-1, *self.event_shape), None

    def _step(self, past: list[Tensor], temperature: Tensor) -> Callable[..., tuple[tuple[Tensor, ...], Tensor]]:
        """A step inside a chunk, given keys and values of earlier chunks, each (batch, heads, chunks, size, …)."""
        size = past[0].shape[3]
        past = [array.flatten(2, 3) for array in past]
        places = torch.arange(past[0].shape[2], device=temperature.device)

        def step(carry: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
            before, *recent = carry  # (batch, width), keys and values
            position, place, u, *given = inputs
            within = position % size
            visible = torch.cat([places < position - within, places[:size] <= within])
            h, cached = (before + place)[:, None], []
            for index, block in enumerate(self.blocks):
                cache = Cache(*past[2 * index : 2 * index + 2], *recent[2 * index : 2 * index + 2])
                h, keys, values = block.step(h, cache, (places[:size] == within)[:, None], visible)
                cached += [keys, values]
            level = keep(draw_categorical(self.head(self.norm(h[:, 0])), u, temperature), *given)
            return (nn.functional.embedding(level.long(), self.tokens), *cached), level.clone()

        return step


def _in_chunks(walked: Tensor, size: int) -> Tensor:
    """(dims, …) as (chunks, size, …), the last chunk filled up with zeros."""
    missing = -len(walked) % size
    filled = torch.cat([walked, walked.new_zeros(missing, *walked.shape[1:])])
    return filled.unflatten(0, (-1, size)).contiguous()
