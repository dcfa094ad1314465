"""Blocks of a causal transformer, and their step by step form with a cache of keys and values.

A block is x + attention(norm x), then x + network(norm x): the norm comes first (Radford et al. 2019, GPT-2), so the
sum runs through unchanged. Every place asks (query) the places up to itself (key) and takes the mean of their values
with weights softmax(q kᵀ / √size). Keys and values of a place never change once it is known, so a sampler keeps them:
it writes into a short ``recent`` part, which is cheap to copy at every step, and moves that to ``past`` when full.

A. Vaswani et al., "Attention is all you need", NIPS 2017, arXiv 1706.03762; equation 1, section 3.2.2.
"""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import Options

_QUERY_BLOCKS = 8


class TransformerOptions(Options):
    """Options of a transformer."""

    blocks: int = Field(default=4, ge=1, description="blocks of attention and network, one above the other")
    width: int = Field(default=64, ge=1, description="length of a token's vector")
    heads: int = Field(default=4, ge=1, description="attentions side by side in a block; they share the width")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of attention and of outputs hidden in training")


class Transformer(nn.Module):
    """Blocks one above the other, and a last norm."""

    def __init__(self, options: TransformerOptions) -> None:
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

    def empty(self, like: Tensor, *time: int) -> list[Tensor]:
        """Keys and values of no tokens yet, a pair for every block: zeros (batch, heads, *time, size)."""
        options = self.options
        shape = (like.shape[0], options.heads, *time, options.width // options.heads)
        return [like.new_zeros(shape) for _ in range(2 * options.blocks)]

    def step(
        self, x: Tensor, recent: Sequence[Tensor], here: Tensor, visible: Tensor, past: Sequence[Tensor] = ()
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

    def __init__(self, options: TransformerOptions) -> None:
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
        self, x: Tensor, recent: Sequence[Tensor], here: Tensor, visible: Tensor, past: Sequence[Tensor]
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
