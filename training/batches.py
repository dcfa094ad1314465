"""Batches of raw items straight from memory; no per-item collation."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class _InMemory(Dataset[Tensor]):
    def __init__(self, raw: np.ndarray) -> None:
        self.raw = torch.from_numpy(np.ascontiguousarray(raw))

    def __len__(self) -> int:
        return len(self.raw)

    def __getitems__(self, indices: list[int]) -> Tensor:
        return self.raw[indices]


def _as_is(batch: Tensor) -> Tensor:
    return batch


def batches(raw: np.ndarray, size: int, *, shuffle: bool = False) -> DataLoader[Tensor]:
    """Raw batches of at most ``size`` items; shuffled ones leave out a last incomplete batch, if there is another."""
    return DataLoader(
        _InMemory(raw), batch_size=size, shuffle=shuffle, drop_last=shuffle and len(raw) >= size, collate_fn=_as_is
    )
