"""Mixtures of factorisations of one x, with equal weights: p(x) = (1/M) Σ_m Π_d p_m(x_d | x before d in order m).

``terms`` are log-conditionals in nats, shape (parts, batch, dims): of networks, masks or orders.
"""

import math

import torch
from torch import Tensor


def attributed(terms: Tensor) -> Tensor:
    """Shares of the dimensions in log p(x), shape (batch, dims); they sum to it exactly.

    No chain rule holds in several orders at once. A dimension gets the parts' terms, weighed by how likely each
    part made this x, and an even share of what is left, which is between −log M and 0.
    """
    joint = terms.sum(-1)  # (parts, batch)
    weights = torch.softmax(joint, 0)
    shares = (weights[..., None] * terms).sum(0)  # (batch, dims)
    left = torch.logsumexp(joint, 0) - math.log(len(terms)) - shares.sum(-1)
    return shares + left[:, None] / terms.shape[-1]


def by_prefix(terms: Tensor, order: Tensor) -> Tensor:
    """Log-weights of parts in one order, shape (parts, batch, dims): log p(part | x_<d)."""
    running = torch.cumsum(terms.index_select(-1, order), -1)[..., :-1]
    before = torch.cat([torch.zeros_like(terms[..., :1]), running], -1)  # in order
    return torch.log_softmax(before, 0).index_select(-1, torch.argsort(order))


def part_of(choice: Tensor, parts: int) -> Tensor:
    """Which part uniform numbers (batch,) choose, 0..parts−1, int64, same shape."""
    return torch.clamp((choice * parts).long(), max=parts - 1)


def chosen(outputs: Tensor, choice: Tensor) -> Tensor:
    """The outputs of one part for each row: (parts, batch, …) and uniform numbers (batch,) → (batch, …)."""
    index = part_of(choice, len(outputs)).reshape(1, -1, *[1] * (outputs.dim() - 2))
    return outputs.gather(0, index.expand(1, *outputs.shape[1:]))[0]
