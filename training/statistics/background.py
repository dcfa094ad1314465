"""The log-likelihood beside what a simpler description of the same item gives.

``complexity`` subtracts from −log p(x) the length of the same discrete item in a small adaptive code, both in nats:
high where a good model is worse than a compressor that has never seen the data. An image that is merely simple has a
high likelihood and a short code, so the difference unmasks it (J. Serrà et al., "Input Complexity and
Out-of-distribution Detection with Likelihood-based Generative Models", ICLR 2020, arXiv 1909.11480). The code is the
ideal code length of the Krichevsky–Trofimov estimator in the contexts of ``contexts.py``.

``likelihood_ratio`` is log p(x) − log p₀(x) with a background model p₀ that knows only local statistics of the data
(J. Ren et al., "Likelihood Ratios for Out-of-Distribution Detection", NeurIPS 2019, arXiv 1906.02845). Instead of a
second network on mutated data, p₀ is the table of symbols in contexts of the fit split, pictures seen in all eight
orientations: it costs almost nothing, and on binary images it separates better than independent marginals. Pictures of
real-valued pixels have the linear prediction of ``linear.py`` instead.
"""

import math

import torch
from torch import Tensor, nn

from training.statistics.base import Evidence, Statistic
from training.statistics.contexts import Contexts
from training.statistics.linear import LinearBackground

_MOST = 20_000  # items of the fit split that a background model looks at


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


class LikelihoodRatio(Statistic):
    """log p(x) − log p₀(x)."""

    joins = True
    name = "likelihood_ratio"
    tail = "low"

    description = "log_prob minus that of a background model, which knows only how a value follows its neighbours"

    def __init__(self, background: "LocalBackground | LinearBackground") -> None:
        super().__init__()
        self.background = background

    def fit(self, x: Tensor, held: Evidence) -> None:
        """Fits the background model."""
        self.background.fit(x[:_MOST])

    def forward(self, evidence: Evidence) -> Tensor:
        """Nats, shape (n,)."""
        return evidence.log_prob - self.background(evidence.x)


class LocalBackground(nn.Module):
    """p₀(x) = Π_d p₀(symbol d | context d), with the frequencies of the fit split."""

    def __init__(self, contexts: Contexts) -> None:
        super().__init__()
        self.contexts = contexts
        self.register_buffer("log_prob", torch.zeros(contexts.contexts * contexts.symbols))

    def fit(self, x: Tensor) -> None:
        """Frequencies over all items, pictures in all orientations, with half a count more everywhere."""
        counted = sum(self._counts(view) for view in self.contexts.views(x)) + 0.5
        counted = counted.reshape(self.contexts.contexts, self.contexts.symbols)
        self.log_prob.copy_((counted / counted.sum(1, keepdim=True)).log().flatten())

    def _counts(self, x: Tensor) -> Tensor:
        size = self.contexts.contexts * self.contexts.symbols
        return sum(
            torch.bincount(self.contexts.places(part).flatten(), minlength=size).double() for part in x.split(500)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Log p₀(x), shape (n,)."""
        return self.log_prob[self.contexts.places(x)].sum(1)
