"""Contexts of a Markov chain as numbers, so that following and shortening one is arithmetic.

A context is the string of levels before a dimension, at most ``order`` of them, and fewer only where the sequence has
just begun. All strings up to that length are the nodes of a V-ary tree, numbered level by level: the empty string is
0, and string s followed by v is V·s + 1 + v. So the strings of length m are the numbers first(m)..first(m+1)−1, with
first(m) = 1 + V + … + V^(m−1), in the order of their digits in base V.
"""

import torch
from torch import Tensor, nn


def first(levels: int, length: int) -> int:
    """The number of the first context of this length; all longer and no shorter ones come after it."""
    return (levels**length - 1) // (levels - 1)


def contexts(x: Tensor, levels: int, order: int) -> Tensor:
    """The context of every dimension, int64, shape (batch, dims), for levels x (batch, dims) in order."""
    number = torch.zeros_like(x)
    for back in range(1, min(order, x.shape[1] - 1) + 1):
        earlier = x[:, :-back] + 1  # its digit, and its part of first(m)
        number = number + nn.functional.pad(earlier * levels ** (back - 1), (back, 0))
    return number


def follow(context: Tensor, level: Tensor, levels: int, order: int) -> Tensor:
    """The context after one more level; all int64 of one shape."""
    longer = levels * context + 1 + level
    forgotten = first(levels, order) + torch.remainder(longer - first(levels, order + 1), levels**order)
    return torch.where(longer < first(levels, order + 1), longer, forgotten)


def shorten(context: Tensor, levels: int, order: int) -> Tensor:
    """Contexts of at most ``order`` levels without the oldest one; those that are shorter stay as they are."""
    code = context - first(levels, order)
    shorter = first(levels, order - 1) + torch.remainder(code, levels ** (order - 1))
    return torch.where(code >= 0, shorter, context)
