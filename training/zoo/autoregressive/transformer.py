"""Blocks of a causal transformer, and their step by step form with a cache of keys and values.

A block is x + attention(norm x), then x + network(norm x): the norm comes first (Radford et al. 2019, GPT-2), so the
sum runs through unchanged. Every place asks (query) the places up to itself (key) and takes the mean of their values
with weights softmax(q kᵀ / √size). Keys and values of a place never change once it is known, so a sampler keeps them:
it writes into a short ``recent`` part, which is cheap to copy at every step, and moves that to ``past`` when full.

A. Vaswani et al., "Attention is all you need", NIPS 2017, arXiv 1706.03762; equation 1, section 3.2.2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

_QUERY_BLOCKS = 8


@dataclass(frozen=True)
class Cache:
    """Keys and values of one block; past (batch, heads, past, size), recent (batch, heads, recent, size)."""

    past_keys: Tensor
    past_values: Tensor
    recent_keys: Tensor
    recent_values: Tensor


class Block(nn.Module):
    """Attention to the past and a network of two layers, each added to what it read."""

    def __init__(self, width: int, heads: int, dropout: float, blocks: int) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.before_attention, self.before_network = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop = nn.Dropout(dropout)
        for layer in (self.project, self.merge, self.expand, self.contract):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        for layer in (self.merge, self.contract):
            layer.weight.data /= (2 * blocks) ** 0.5  # so that the sum over all blocks starts with the same spread

    def forward(self, x: Tensor) -> Tensor:
        """The next x, (batch, time, width); each place depends on those up to itself."""
        dropout = self.dropout if self.training else 0.0
        return self._add(x, causal_attention(*self._heads(x), dropout=dropout))

    def step(self, x: Tensor, cache: Cache, here: Tensor, visible: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The next x (batch, 1, width) of one place, with recent keys and values that hold it.

        ``here`` (recent, 1) is true where the place is written; ``visible`` (past + recent,) is true up to the place.
        """
        query, key, value = self._heads(x)  # (batch, heads, 1, size)
        keys = torch.where(here, key, cache.recent_keys)
        values = torch.where(here, value, cache.recent_values)
        query = query / query.shape[3] ** 0.5
        scores = torch.cat([query @ cache.past_keys.transpose(2, 3), query @ keys.transpose(2, 3)], 3)
        weights = torch.softmax(torch.where(visible, scores, float("-inf")), 3)  # (batch, heads, 1, past + recent)
        past = cache.past_keys.shape[2]
        mixed = weights[..., :past] @ cache.past_values + weights[..., past:] @ values
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
