"""Mixtures of factorisations of one x, with equal weights: p(x) = (1/M) Σ_m Π_d p_m(x_d | x before d in order m).

``terms`` are the members' log-conditionals in nats, shape (members, batch, dims).
"""

import math

import torch
from torch import Tensor


def attributed(terms: Tensor) -> Tensor:
    """Shares of the dimensions in log p(x), shape (batch, dims); they sum to it exactly.

    No chain rule holds in several orders at once. A dimension gets the members' terms, weighed by how likely each
    member made this x, and an even share of what is left, which is between −log M and 0.
    """
    joint = terms.sum(-1)  # (members, batch)
    weights = torch.softmax(joint, 0)
    shares = (weights[..., None] * terms).sum(0)  # (batch, dims)
    left = torch.logsumexp(joint, 0) - math.log(len(terms)) - shares.sum(-1)
    return shares + left[:, None] / terms.shape[-1]


def by_prefix(terms: Tensor, order: Tensor) -> Tensor:
    """Log-weights of members in one order, shape (members, batch, dims): log p(member | x_<d)."""
    running = torch.cumsum(terms.index_select(-1, order), -1)[..., :-1]
    before = torch.cat([torch.zeros_like(terms[..., :1]), running], -1)  # in order
    return torch.log_softmax(before, 0).index_select(-1, torch.argsort(order))


def chosen(outputs: Tensor, member: Tensor) -> Tensor:
    """The outputs of one member for each row: (members, batch, …) and uniform numbers (batch,) → (batch, …)."""
    members = len(outputs)
    index = torch.clamp((member * members).long(), max=members - 1)
    index = index.reshape(1, -1, *[1] * (outputs.dim() - 2)).expand(1, *outputs.shape[1:])
    return outputs.gather(0, index)[0]
