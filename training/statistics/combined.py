"""One statistic from many: how far into their anomalous tails all of them are.

The values of each statistic on normal items that were neither fitted on nor calibrate are described by their median and
by a scale: z = 1 where 84 % of the normal values are less anomalous. The combined statistic is the sum of the squares
of log(1 + exp z): nearly z² on the anomalous side, nearly nothing on the other, and without ties. It is large where one
statistic is extreme and where several are unusual together, and it needs no example of an anomaly. Only those that join
count: surprise and typicality say little that the others do not, and would drown them. As with the density of states of
W. Morningstar et al. ("Density of States Estimation for Out-of-Distribution Detection", AISTATS 2021, arXiv
2006.09273), calibration makes a p-value of it whatever its distribution is.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.statistics.base import Evidence, Statistic, quantile

_NEAR = 0.8413  # Φ(1)
_LANES = 16  # numbers that a runtime computes together; a row that fills them has the same bits in any batch
_NOTHING = -1e4  # a z whose share of the sum is exactly zero
_LEAST_SCALE = 0.01  # where a statistic is nearly constant on normal items, so that rounding stays rounding


class Combined(Statistic):
    """Σ log(1 + exp z)² over the statistics that join."""

    name = "combined"
    unit = "squared standard deviations"
    tail = "high"

    def __init__(self, parts: Sequence[Statistic]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.description = f"how far into their anomalous tails {', '.join(part.name for part in parts)} are together"
        self.register_buffer("median", torch.zeros(len(parts)))
        self.register_buffer("scale", torch.ones(len(parts)))

    def fit(self, x: Tensor, held: Evidence) -> None:
        """Median and anomalous-side scale of every part; the parts themselves are fitted before."""
        values = self._oriented(held)
        medians = torch.stack([quantile(column, 0.5) for column in values.T])
        highs = torch.stack([quantile(column, _NEAR) for column in values.T])
        self.median.copy_(medians)
        self.scale.copy_((highs - medians).clamp_min(_LEAST_SCALE))

    def forward(self, evidence: Evidence) -> Tensor:
        """Squared standard deviations, shape (n,)."""
        return self.of(self._oriented(evidence))

    def of(self, oriented: Tensor) -> Tensor:
        """The same from the oriented values of the parts, (n, parts) → (n,)."""
        z = (oriented - self.median) / self.scale
        padded = nn.functional.pad(z, (0, -z.shape[1] % _LANES), value=_NOTHING)
        return nn.functional.softplus(padded).square().sum(1)

    def _oriented(self, evidence: Evidence) -> Tensor:
        return torch.stack([part.oriented(part(evidence)) for part in self.parts], 1)
