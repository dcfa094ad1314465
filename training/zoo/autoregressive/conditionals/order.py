"""The order in which an autoregressive family takes the dimensions."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from training.zoo.base import Options

OrderName = Literal["raster", "columns", "reversed", "random"]


class OrderOptions(Options):
    """Options of every family that has an order."""

    order: OrderName = Field(default="raster", description="which dimension comes first; columns are those of an image")
    order_seed: int = Field(default=0, description="seed of a random order")


def raster(event_shape: tuple[int, ...]) -> Tensor:
    """Dimensions from first to last, int64, shape (dims,): row by row, the channels of a pixel one after the other.

    A sequence is taken from its beginning.
    """
    dims = torch.arange(int(torch.Size(event_shape).numel()))
    if len(event_shape) != 3:
        return dims
    return dims.reshape(event_shape).permute(1, 2, 0).flatten()


def ordering(event_shape: tuple[int, ...], name: OrderName, seed: int) -> Tensor:
    """Dimensions from first to last, int64, shape (dims,).

    Columns are those of an image; what is no image has them in raster order. ``seed`` is that of a random order.
    """
    rows = raster(event_shape)
    match name:
        case "raster":
            return rows
        case "reversed":
            return rows.flip(0)
        case "columns":
            return rows if len(event_shape) != 3 else _columns(event_shape)
    return torch.argsort(torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)))


def _columns(event_shape: tuple[int, ...]) -> Tensor:
    dims = torch.arange(int(torch.Size(event_shape).numel()))
    return dims.reshape(event_shape).permute(2, 1, 0).flatten()


def places(order: Tensor) -> Tensor:
    """The place of every dimension in an order, 1..dims, int64, shape (dims,)."""
    return torch.argsort(order) + 1


def axes(event_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of raster order, slowest first: (height, width, channels) of an image, (time,) of a sequence."""
    return (*event_shape[1:], event_shape[0]) if len(event_shape) == 3 else event_shape
