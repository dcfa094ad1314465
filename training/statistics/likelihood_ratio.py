"""The log-likelihood beside that of a background model, which knows local regularities and not what items show.

What a simple item gains in likelihood by being simple it gains under both models, so that the difference is what the
model itself finds in it (J. Ren et al., "Likelihood Ratios for Out-of-Distribution Detection", NeurIPS 2019, arXiv
1906.02845).
"""

from torch import Tensor

from training.statistics.background import Background
from training.statistics.base import Evidence, Statistic


class LikelihoodRatio(Statistic):
    """log p(x) − log p₀(x)."""

    joins = True
    name = "likelihood_ratio"
    tail = "low"

    description = "log_prob minus that of a background model, which knows only how a value follows its neighbours"

    def __init__(self, background: Background) -> None:
        super().__init__()
        self.background = background

    def fit(self, x: Tensor, held: Evidence) -> None:
        """Fits the background model."""
        self.background.fit(x)

    def forward(self, evidence: Evidence) -> Tensor:
        """Nats, shape (n,)."""
        return evidence.log_prob - self.background(evidence.x)
