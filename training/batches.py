"""Batches of raw items straight from memory; no per-item collation."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.data.items import Items

_CHUNK, _CHUNK_VALUES = 200, 50_000_000

Batch = tuple[Tensor, Tensor]
"""Raw items, and their labels, int64 (batch,); −1 where there are none."""


class _InMemory(Dataset[Batch]):
    def __init__(self, split: Items) -> None:
        self.raw = torch.from_numpy(np.ascontiguousarray(split.x))
        labels = np.full(len(split), -1) if split.labels is None else split.labels
        self.labels = torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.raw)

    def __getitems__(self, indices: list[int]) -> Batch:
        return self.raw[indices], self.labels[indices]


def _as_is(batch: Batch) -> Batch:
    return batch


def batches(split: Items, size: int, *, shuffle: bool = False) -> DataLoader[Batch]:
    """Batches of at most ``size`` items; shuffled ones leave out a last incomplete batch, if there is another."""
    return DataLoader(
        _InMemory(split), batch_size=size, shuffle=shuffle, drop_last=shuffle and len(split) >= size, collate_fn=_as_is
    )


def first_items(split: Items, count: int) -> Batch:
    """A batch of the first items."""
    return _InMemory(split).__getitems__(list(range(min(count, len(split)))))


def chunk(dims: int, levels: int) -> int:
    """How many items to score at once, so that the logits of all their conditionals stay within some 200 MB."""
    return max(1, min(_CHUNK, _CHUNK_VALUES // (dims * max(levels, 1))))
