"""Which columns of a table hold codes of categories, and the nearest code to a value."""

import torch
from torch import Tensor

from training.transforms.base import DataFacts


def counts(facts: DataFacts) -> Tensor:
    """How many categories each column has, 0 where it holds numbers; float64, shape (features,)."""
    return torch.tensor(facts.categories or (0,) * facts.shape[0], dtype=torch.float64)


def nearest_codes(values: Tensor, categories: Tensor) -> Tensor:
    """The values, float64 (batch, features), with the nearest code where a column has that many categories."""
    codes = torch.minimum(torch.round(values), categories - 1)
    return torch.where(categories > 0, torch.clamp(codes, min=0.0), values)
