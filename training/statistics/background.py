"""The log-likelihood beside what a simpler description of the same item gives.

``complexity`` subtracts from −log p(x) the length of the same discrete item in a small adaptive code, both in nats:
high where a good model is worse than a compressor that has never seen the data. An image that is merely simple has a
high likelihood and a short code, so the difference unmasks it (J. Serrà et al., "Input Complexity and
Out-of-distribution Detection with Likelihood-based Generative Models", ICLR 2020, arXiv 1909.11480). The code is the
ideal code length of the Krichevsky–Trofimov estimator in the contexts of ``contexts.py``.

``likelihood_ratio`` is log p(x) − log p₀(x) with a background model p₀ that knows only local statistics of the data, or
independent marginals of real dimensions (J. Ren et al., "Likelihood Ratios for Out-of-Distribution Detection", NeurIPS
2019, arXiv 1906.02845). Instead of a second network on mutated data, p₀ is the table of symbols in contexts of the fit
split, pictures seen in all eight orientations: as good at seeing strange structure on binary images as it is cheap.
"""

import math

import torch
from torch import Tensor, nn

from training.statistics.base import Evidence, Statistic
from training.statistics.contexts import Contexts

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

    def __init__(self, background: nn.Module, described: str) -> None:
        super().__init__()
        self.background = background
        self.description = f"log_prob minus that of a background model: {described}"

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


class MarginalBackground(nn.Module):
    """p₀(x) = Π_d N(x_d; μ_d, σ_d²), with moments of the fit split; densities over raw data, as the score has them."""

    def __init__(self, log_det: Tensor) -> None:
        super().__init__()
        dims = log_det.numel()
        self.register_buffer("mean", torch.zeros(dims))
        self.register_buffer("precision", torch.ones(dims))
        self.register_buffer("constant", log_det.double().sum().float())

    def fit(self, x: Tensor) -> None:
        """Mean and standard deviation of each dimension; that of a constant one is 1."""
        values = x.flatten(1).double()
        std = values.std(0, correction=0)
        std = torch.where(std > 0, std, torch.ones_like(std))
        self.mean.copy_(values.mean(0))
        self.precision.copy_(1 / std)
        self.constant += float(-std.log().sum() - 0.5 * len(std) * math.log(2 * math.pi))

    def forward(self, x: Tensor) -> Tensor:
        """Log p₀(raw x), shape (n,)."""
        return self.constant - 0.5 * ((x.flatten(1) - self.mean) * self.precision).square().sum(1)
