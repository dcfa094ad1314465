"""The false-alarm rate that a calibration leads to, and the band it should lie in.

Given the calibration set the realised rate of p ≤ α is Beta(k, n + 1 − k) with k = ⌊α (n + 1)⌋ when the statistic has
no ties. S. Bates et al., "Testing for Outliers with Conformal p-values", Annals of Statistics 51(1), 2023, arXiv
2104.08279.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import betabinom


@dataclass(frozen=True)
class FalseAlarms:
    """The realised false-alarm rate on held-out normal items at one alpha, and where it should lie.

    ``low`` and ``high`` are the 5 % and 95 % quantiles of the beta-binomial law: the Beta law of the rate given the
    calibration set, and the finite number of items it is measured on.
    """

    alpha: float
    rate: float
    low: float
    high: float
    items: int

    @property
    def as_promised(self) -> bool:
        """Whether the rate is inside the band."""
        return self.low <= self.rate <= self.high


def false_alarms(p: np.ndarray, calibration_size: int, alphas: Iterable[float]) -> list[FalseAlarms]:
    """One row per alpha that the calibration size can support."""
    rows = []
    for alpha in alphas:
        rank = int(np.floor(alpha * (calibration_size + 1) + 1e-9))
        if rank == 0:
            continue
        law = betabinom(len(p), rank, calibration_size + 1 - rank)
        low, high = (float(law.ppf(q)) / len(p) for q in (0.05, 0.95))
        rows.append(FalseAlarms(alpha, float((p <= alpha).mean()), low, high, len(p)))
    return rows
