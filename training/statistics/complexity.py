"""What the model needs beyond a compressor that has never seen the data.

``complexity`` subtracts from −log p(x) the length of the same discrete item in a small adaptive code, both in nats. An
image that is merely simple has a high likelihood and a short code, so the difference unmasks it (J. Serrà et al.,
"Input Complexity and Out-of-distribution Detection with Likelihood-based Generative Models", ICLR 2020, arXiv
1909.11480). The code is the ideal code length of the Krichevsky–Trofimov estimator in the contexts of ``contexts.py``.
"""

import math

import torch
from torch import Tensor

from training.statistics.base import Evidence, Statistic
from training.statistics.contexts import Contexts


class Complexity(Statistic):
    """−log p(x) minus the length of x in an adaptive code."""

    joins = True
    name = "complexity"
    tail = "high"
    description = "-log_prob minus the compressed length of the same discretised item: strange though simple"

    def __init__(self, contexts: Contexts, dims: int) -> None:
        super().__init__()
        self.contexts = contexts
        prior = 0.5 if contexts.symbols == 2 else 1 / contexts.symbols
        counts = torch.arange(dims + 1, dtype=torch.float64)
        self.register_buffer("occurrence", (torch.lgamma(counts + prior) - math.lgamma(prior)).float())
        total = prior * contexts.symbols
        self.register_buffer("context", (torch.lgamma(counts + total) - math.lgamma(total)).float())

    def code_length(self, x: Tensor) -> Tensor:
        """Length of x in the code, nats, shape (n,)."""
        counts = self.contexts.counts(x)
        spent = self.context[counts.sum(2).long()].sum(1)
        return spent - self.occurrence[counts.long()].flatten(1).sum(1)

    def forward(self, evidence: Evidence) -> Tensor:
        """Nats, shape (n,)."""
        return -evidence.log_prob - self.code_length(evidence.x)
