"""The log-likelihood itself, how typical it is, and its most surprising terms.

Typicality: a sample of p nearly always has a log-likelihood near the mean of log p over p, so one that is far *above*
is as suspicious as one far below (E. Nalisnick et al., "Detecting Out-of-Distribution Inputs to Deep Generative Models
Using Typicality", 2019, arXiv 1906.02994).
"""

import math

import torch
from torch import Tensor

from training.statistics.base import Evidence, Statistic, quantile


class LogProb(Statistic):
    """log p(x), or an estimate of its bound."""

    joins = True
    name = "log_prob"
    tail = "low"

    def __init__(self, description: str) -> None:
        super().__init__()
        self.description = description

    def forward(self, evidence: Evidence) -> Tensor:
        """Nats, shape (n,)."""
        return evidence.log_prob


class Typicality(Statistic):
    """|log p(x) − m|, with m the median of held-out items."""

    name = "typicality"
    tail = "high"
    description = "distance of log_prob from its median on normal items: too unlikely, or too likely"

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("median", torch.zeros(()))

    def fit(self, x: Tensor, held: Evidence) -> None:
        """The median."""
        self.median.copy_(quantile(held.log_prob, 0.5))

    def forward(self, evidence: Evidence) -> Tensor:
        """Nats, shape (n,)."""
        return (evidence.log_prob - self.median).abs()


class Surprise(Statistic):
    """The largest −log p(x_d | x before d)."""

    name = "surprise"
    tail = "high"
    description = "surprise of the single most surprising dimension, given those before it"

    def forward(self, evidence: Evidence) -> Tensor:
        """Nats, shape (n,)."""
        return -evidence.terms.amin(1)


class SurpriseTail(Statistic):
    """The mean of the largest twentieth of −log p(x_d | x before d)."""

    name = "surprise_tail"
    tail = "high"
    description = "mean surprise of the most surprising 5 % of the dimensions, given those before them"
    share = 0.05

    def forward(self, evidence: Evidence) -> Tensor:
        """Nats, shape (n,)."""
        count = math.ceil(self.share * evidence.terms.shape[1])
        return -evidence.terms.topk(count, dim=1, largest=False).values.mean(1)


class Tail(Statistic):
    """−Σ_d log of the two-sided tail probability of x_d given those before it."""

    joins = True
    name = "tail"
    tail = "high"
    description = "sum over columns of -log of the two-sided tail probability of each, given those before it"

    def forward(self, evidence: Evidence) -> Tensor:
        """Nats, shape (n,)."""
        return evidence.tail
