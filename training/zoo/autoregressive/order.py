"""The order in which an autoregressive family takes the dimensions."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from training.zoo.base import Options


class OrderOptions(Options):
    """Options of every family that has an order."""

    order: Literal["raster", "random"] = Field(default="raster", description="which dimension comes first")
    order_seed: int = Field(default=0, description="seed of a random order")


def degrees(dims: int, options: OrderOptions) -> Tensor:
    """The place of every dimension in the order, 1..dims, int64, shape (dims,)."""
    if options.order == "raster":
        return torch.arange(1, dims + 1)
    return torch.randperm(dims, generator=torch.Generator().manual_seed(options.order_seed)) + 1
