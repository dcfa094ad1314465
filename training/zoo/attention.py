"""Attention: a causal transformer predicts every dimension from those before it.

By ``element`` the dimensions become tokens in raster order, the channels of a pixel one after the other; a sequence is
taken as it is. A token is the vector of the level before it plus the learned vectors of its own row, column and
channel. Blocks of masked self-attention turn tokens into the logits of p(x_d | x_<d), all in one pass, so log p(x) is
exact and training is parallel. By ``row`` a token is a whole row of an image, and a small autoregressive network inside
the row turns the token's state into logits: as exact, and 28 tokens instead of 784. Sampling takes one step per token
with the keys and values of earlier ones kept (``sequential``), or it is the fixed point of the parallel pass with the
noise held (``fixed_point``); both give the same sample.

N. Parmar et al., "Image Transformer", ICML 2018, arXiv 1802.05751; M. Chen et al., "Generative pretraining from
pixels", ICML 2020 (ImageGPT); A. Vaswani et al., "Attention is all you need", NIPS 2017, arXiv 1706.03762.
"""

from collections.abc import Callable
from collections.abc import Sequence as Several
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import Facts, Known, Options, Sequence, SequentialSampler, Tensors, Zeros
from training.zoo.parts.conditionals import (
    DiscreteProposals,
    Step,
    bake,
    draw_categorical,
    keep,
    of_rows,
    one_by_one,
    placed,
    scan_to_end,
)
from training.zoo.parts.rows import LevelFeatures, Places, RowHead, row_places

_QUERY_BLOCKS = 8


class AttentionOptions(Options):
    """Options of ``attention``."""

    blocks: int = Field(default=4, ge=1, description="blocks of attention and network, one above the other")
    width: int = Field(default=64, ge=1, description="length of a token's vector")
    heads: int = Field(default=4, ge=1, description="attentions side by side in a block; they share the width")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of attention and of outputs hidden in training")
    unit: Literal["element", "row"] = Field(default="element", description="what a token is")
    embedding: int = Field(default=8, ge=1, description="length of a level's vector in a row, if there are over two")
    head: int = Field(default=512, ge=1, description="hidden units inside a row, with unit = row")
    sampler: Literal["sequential", "fixed_point"] = Field(
        default="sequential", description="what a bundle generates with: one step per token, or parallel passes"
    )


class Attention(DiscreteProposals, SequentialSampler):
    """Causal transformer over dimensions or rows; exact log p(x), exact samples by cached steps or by fixed point."""

    title = "Attention"
    paper = "Parmar et al. 2018, arXiv 1802.05751"
    Options: ClassVar[type[Options]] = AttentionOptions

    def __init__(self, facts: Facts, options: AttentionOptions) -> None:
        super().__init__(facts, options)
        self.place = torch.argsort(self.order)  # of each dimension in the order
        if options.unit == "element":
            self.unit = AttentionElements(facts.event_shape, facts.levels, self.outputs, options)
            return
        if len(facts.event_shape) != 3:
            raise ValueError(f"unit 'row' needs images, got {facts.event_shape}")
        channels, height, width = facts.event_shape
        levels = LevelFeatures(facts.levels, options.embedding)
        self.unit = AttentionRows((height, width * channels), levels, self.outputs, options, head=options.head)

    @property
    def sampler(self) -> Literal["sequential", "fixed_point"]:
        """What the option says: this family has both."""
        return self.options.sampler

    def compact(self) -> None:
        """Puts masked weights in the place of weights and masks."""
        bake(self)

    def open_logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, *event_shape)."""
        return self.unit(x.flatten(1)[:, self.order])[:, self.place]

    def sequence(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> Sequence:
        """The last token, and keys and values of those before."""
        rows = partial(of_rows, order=self.order, noise=noise, known=known)
        return self.unit.sequence(rows, temperature, partial(self._read, known=known))

    def _read(self, levels: Tensor, known: Known | None) -> Tensor:
        return self.ended(placed(levels.flatten(1), self.place, self.event_shape), known)


Rows = Callable[[Tensor], Tensors]


class AttentionElements(nn.Module):
    """One token per dimension, which attends to those before it: logits, and samples with keys and values kept."""

    def __init__(self, event_shape: tuple[int, ...], levels: int, outputs: int, options: AttentionOptions) -> None:
        super().__init__()
        self.tokens = nn.Parameter(0.02 * torch.randn(levels, options.width))
        self.start = nn.Parameter(0.02 * torch.randn(options.width))
        self.places = Places(event_shape, options.width)
        self.transformer = Transformer(options)
        self.head = nn.Linear(options.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, dims, outputs) of levels (batch, dims)."""
        before = self._token(x[:, :-1])  # (batch, dims - 1, width)
        tokens = torch.cat([self.start.expand(x.shape[0], 1, -1), before], 1) + self.places()
        return self.head(self.transformer(tokens))

    def sequence(self, rows: Rows, temperature: Tensor, read: Callable[[Tensor], Tensor]) -> Sequence:
        """The last token, and keys and values of those before; ``rows`` gives noise and what is known at some places.

        The positions of one piece have keys and values of their own, so that a step writes a copy of these instead of
        all.
        """
        places = self.places()
        everywhere = torch.arange(len(places), device=temperature.device)

        def at(positions: Tensor) -> Tensors:
            return places.index_select(0, positions), *rows(positions)

        def advance(state: Tensors, positions: Tensor, inputs: Tensors) -> tuple[Tensors, Tensor]:
            before, *kept = state
            within = torch.arange(len(positions), device=positions.device)
            past = [part.transpose(1, 2).contiguous() for part in kept]  # (batch, heads, dims, size)
            step = self._step(past, everywhere < positions[:1], within, temperature)
            recent = self.transformer.empty(before, len(within))
            (before, *recent), levels = scan_to_end(step, (before, *recent), (within[:, None], *inputs))
            here = (torch.arange(before.shape[0], device=before.device)[:, None], positions)
            kept = [old.index_put(here, new.transpose(1, 2)) for old, new in zip(kept, recent, strict=True)]
            return (before, *kept), levels

        heads, size = self.transformer.heads
        start = self.start.expand(temperature.shape[0], -1).clone()
        kept = self.transformer.start(len(places), heads, size)  # written by whole tokens
        return Sequence(len(places), (start, *kept), at, advance, read)

    def _token(self, level: Tensor) -> Tensor:
        return nn.functional.embedding(level.long(), self.tokens)

    def _step(self, past: list[Tensor], earlier: Tensor, within: Tensor, temperature: Tensor) -> Step:
        """A step inside a piece, given keys and values of before it, those of ``earlier`` places, bool (dims,)."""

        def step(carry: Tensors, inputs: Tensors) -> tuple[Tensors, Tensor]:
            before, *recent = carry  # the token of the level drawn last, (batch, width)
            now, place, u, *known = inputs
            visible = torch.cat([earlier, within <= now])
            state, recent = self.transformer.step(before + place, recent, within == now, visible, past)
            level = keep(draw_categorical(self.head(state), u, temperature), *known)
            return (self._token(level), *recent), level.clone()

        return step


class AttentionRows(nn.Module):
    """One token per row of an image; its state drives a small autoregressive network inside the next row."""

    def __init__(
        self, shape: tuple[int, int], levels: LevelFeatures, outputs: int, options: AttentionOptions, *, head: int
    ) -> None:
        super().__init__()
        self.shape, self.levels = shape, levels
        rows, width = shape
        self.token = nn.Linear(width * levels.size, options.width, bias=False)
        self.places = nn.Parameter(0.02 * torch.randn(rows, options.width))
        self.transformer = Transformer(options)
        self.head = RowHead(options.width, width, head, levels.size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, dims, outputs) of levels (batch, dims)."""
        rows = self.levels(x).unflatten(1, self.shape)  # (batch, rows, width, features)
        before = nn.functional.pad(self.token(rows.flatten(2)), (0, 0, 1, 0))[:, : len(self.places)]
        return self.head(self.transformer(before + self.places), rows).flatten(1, 2)

    def sequence(self, rows: Rows, temperature: Tensor, read: Callable[[Tensor], Tensor]) -> Sequence:
        """The last token, and keys and values of those before; ``rows`` gives noise and what is known somewhere."""
        height, width = self.shape
        everywhere = torch.arange(height, device=temperature.device)

        def at(positions: Tensor) -> Tensors:
            return self.places.index_select(0, positions), *rows(row_places(positions, width))

        def row(carry: Tensors, inputs: Tensors) -> tuple[Tensors, Tensor]:
            before, *kept = carry
            position, place, u, *known = inputs
            visible = everywhere <= position
            state, kept = self.transformer.step(before + place, kept, everywhere == position, visible)
            levels = self.head.sample(state, u, temperature, self.levels, tuple(known))  # (width, batch)
            token = self.token(self.levels(levels.T.contiguous()).flatten(1))
            return (token, *kept), levels.clone()

        heads, size = self.transformer.heads
        start = (Zeros((self.places.shape[1],), self.places.dtype), *self.transformer.start(heads, height, size))
        return Sequence(height, start, at, one_by_one(row), read, (width,))


class Transformer(nn.Module):
    """Blocks one above the other, and a last norm; all at once, or step by step with a cache of keys and values.

    A block is x + attention(norm x), then x + network(norm x): the norm comes first (Radford et al. 2019, GPT-2), so
    the sum runs through unchanged. Every place asks (query) the places up to itself (key) and takes the mean of their
    values with weights softmax(q kᵀ / √size). Keys and values of a place never change once it is known, so a sampler
    keeps them: it writes into a short ``recent`` part, which is cheap to copy at every step, and moves that to ``past``
    when full.
    """

    def __init__(self, options: AttentionOptions) -> None:
        super().__init__()
        if options.width % options.heads:
            raise ValueError(f"expected a width that {options.heads} heads can share, got {options.width}")
        self.blocks = nn.ModuleList(Block(options) for _ in range(options.blocks))
        self.norm = nn.LayerNorm(options.width)
        self.drop = nn.Dropout(options.dropout)
        self.options = options

    def forward(self, x: Tensor) -> Tensor:
        """States (batch, time, width) of tokens of the same shape; each depends on the tokens up to itself."""
        x = self.drop(x)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    @property
    def heads(self) -> tuple[int, int]:
        """How many, and the length of a key or value of each."""
        return self.options.heads, self.options.width // self.options.heads

    def start(self, *shape: int) -> tuple[Zeros, ...]:
        """Keys and values of no tokens yet, a pair for every block, of that shape without batch."""
        return (Zeros(shape, self.norm.weight.dtype),) * (2 * self.options.blocks)

    def empty(self, like: Tensor, time: int) -> list[Tensor]:
        """The same as tensors (batch, heads, time, size)."""
        heads, size = self.heads
        return [like.new_zeros(like.shape[0], heads, time, size) for _ in range(2 * self.options.blocks)]

    def step(
        self, x: Tensor, recent: Several[Tensor], here: Tensor, visible: Tensor, past: Several[Tensor] = ()
    ) -> tuple[Tensor, list[Tensor]]:
        """The state (batch, width) of one token, and recent keys and values that hold it.

        ``here``, bool (recent,), is true where the token is written; ``visible``, bool (past + recent,), up to it.
        """
        x, written = x[:, None], []
        for index, block in enumerate(self.blocks):
            pair = slice(2 * index, 2 * index + 2)
            x, keys, values = block.step(x, recent[pair], here[:, None], visible, past[pair])
            written += [keys, values]
        return self.norm(x[:, 0]), written


class Block(nn.Module):
    """Attention to the past and a network of two layers, each added to what it read."""

    def __init__(self, options: AttentionOptions) -> None:
        super().__init__()
        width = options.width
        self.heads, self.dropout = options.heads, options.dropout
        self.before_attention, self.before_network = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop = nn.Dropout(options.dropout)
        for layer in (self.project, self.merge, self.expand, self.contract):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        for layer in (self.merge, self.contract):
            layer.weight.data /= (2 * options.blocks) ** 0.5  # the sum over all blocks starts with the same spread

    def forward(self, x: Tensor) -> Tensor:
        """The next x, (batch, time, width); each place depends on those up to itself."""
        dropout = self.dropout if self.training else 0.0
        return self._add(x, causal_attention(*self._heads(x), dropout=dropout))

    def step(
        self, x: Tensor, recent: Several[Tensor], here: Tensor, visible: Tensor, past: Several[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The next x (batch, 1, width) of one token, with recent keys and values that hold it."""
        query, key, value = self._heads(x)  # (batch, heads, 1, size)
        query = query / query.shape[3] ** 0.5
        keys, values = torch.where(here, key, recent[0]), torch.where(here, value, recent[1])
        scores = [query @ every.transpose(2, 3) for every in (*past[:1], keys)]
        weights = torch.softmax(torch.where(visible, torch.cat(scores, 3), float("-inf")), 3)
        mixed = weights[..., -keys.shape[2] :] @ values
        if past:
            mixed = mixed + weights[..., : -keys.shape[2]] @ past[1]
        return self._add(x, mixed), keys, values

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (batch, heads, time, size)."""
        parts = self.project(self.before_attention(x)).unflatten(2, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind()
        return query, key, value

    def _add(self, x: Tensor, mixed: Tensor) -> Tensor:
        x = x + self.drop(self.merge(mixed.transpose(1, 2).flatten(2)))
        hidden = nn.functional.gelu(self.expand(self.before_network(x)))
        return x + self.drop(self.contract(hidden))


def causal_attention(query: Tensor, key: Tensor, value: Tensor, dropout: float) -> Tensor:
    """Each place's weighted mean of the values up to itself; all (batch, heads, time, size).

    An exported graph has no fused kernel, so there queries come in blocks, each with the keys up to its end: half the
    work, an eighth of the memory.
    """
    attend = nn.functional.scaled_dot_product_attention
    if not torch.compiler.is_exporting():
        return attend(query, key, value, is_causal=True, dropout_p=dropout)
    time, mixed = query.shape[2], []
    places, size = torch.arange(time), -(-time // _QUERY_BLOCKS)
    for start in range(0, time, size):
        end = min(start + size, time)
        visible = places[:end] <= places[start:end, None]
        mixed.append(attend(query[:, :, start:end], key[:, :, :end], value[:, :, :end], attn_mask=visible))
    return torch.cat(mixed, 2)
