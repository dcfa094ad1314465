"""How often normal items that were kept aside may be called anomalies, and when it is too often to be chance.

For exchangeable items the number of p ≤ α among m kept aside, compared with n calibration items, is beta-binomial with
parameters m, k and n + 1 − k, where k = ⌊α (n + 1)⌋, if the statistic has no ties, and stochastically smaller with
them. S. Bates et al., "Testing for Outliers with Conformal p-values", Annals of Statistics 51(1), 2023, arXiv
2104.08279.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pofx.rules.conformal import Floats

ALPHAS = (0.01, 0.05, 0.1)
"""The rates that are looked at unless a recipe names others."""

CHANCE = 0.001
"""That a bundle of exchangeable items is marked all the same, over all its rates and statistics together."""

_BAND = (0.05, 0.95)
_ROUNDING = 1e-9


@dataclass(frozen=True)
class FalseAlarms:
    """The realised share of p ≤ ``alpha`` among normal items that were kept aside, and where it should lie.

    ``low`` and ``high`` are the 5 % and 95 % quantiles of its law for exchangeable items. Above ``limit`` it lies with
    a chance of at most its part of ``CHANCE``.
    """

    alpha: float
    rate: float
    low: float
    high: float
    limit: float
    items: int

    @property
    def as_promised(self) -> bool:
        """Whether the rate is inside the band."""
        return self.low <= self.rate <= self.high

    @property
    def too_many(self) -> bool:
        """Whether there are more than chance explains."""
        return self.rate > self.limit


def false_alarms(p: Floats, n: int, alphas: Iterable[float], tests: int = 1) -> list[FalseAlarms]:
    """One row per alpha that n calibration items can support, of the p-values of items kept aside, shape (m,).

    ``tests`` is how many rates are looked at together; each gets an equal part of ``CHANCE``.
    """
    ranks = {alpha: int(np.floor(alpha * (n + 1) + _ROUNDING)) for alpha in alphas}
    found = []
    for alpha, rank in ranks.items():
        if rank > 0:
            low, high, limit = _quantiles(len(p), rank, n, (*_BAND, 1 - CHANCE / tests))
            found.append(FalseAlarms(alpha, float((p <= alpha).mean()), low, high, limit, len(p)))
    return found


def _quantiles(m: int, rank: int, n: int, levels: tuple[float, ...]) -> list[float]:
    """The smallest shares of m items with at least that much of the law at or below them."""
    cumulative = _beta_binomial(m, rank, n + 1 - rank).cumsum()
    places = np.minimum(cumulative.searchsorted(np.array(levels) - 1e-12), m)
    return [float(place) / m for place in places]


def _beta_binomial(m: int, a: float, b: float) -> Floats:
    """The probabilities of 0 … m, shape (m + 1,), by the ratio of each to the one before."""
    k = np.arange(m, dtype=np.float64)
    ratios = np.log(m - k) - np.log(k + 1) + np.log(k + a) - np.log(m - k - 1 + b)
    logs = np.concatenate([[0.0], ratios.cumsum()])
    weights = np.exp(logs - logs.max())
    found: Floats = weights / weights.sum()
    return found
