"""How many defects a statistic finds at a promised false-alarm rate, and what half of them chose and half report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta
from sklearn.metrics import roc_auc_score

from pofx.rules.conformal import p_values
from training.data import Items

FEW = 10
"""Defects in a half; a share of fewer says little."""

_CONFIDENCE = 0.95
_SEED = 11


@dataclass(frozen=True)
class Finding:
    """The share of ``defects`` whose p-value by that statistic is at most ``alpha``, and the area under its curve."""

    statistic: str
    share: float
    auroc: float
    alpha: float
    defects: int

    @property
    def rank(self) -> tuple[float, float]:
        """What makes one better than another."""
        return self.share, self.auroc

    @property
    def between(self) -> str:
        """Where the share of all defects of this kind may lie, after Clopper and Pearson, in words."""
        low, high = interval(round(self.share * self.defects), self.defects)
        return f"between {low:.2f} and {high:.2f} with a confidence of {_CONFIDENCE:.0%}"

    def __str__(self) -> str:
        return f"{self.statistic} {self.share:.2f} (AUROC {self.auroc:.3f})"


def findings(
    tails: Mapping[str, str], normal: Mapping[str, np.ndarray], defects: Mapping[str, np.ndarray], alpha: float
) -> list[Finding]:
    """One per statistic, from its values of normal items and of defects; in the order of ``tails``.

    The rate is raised to the smallest that so many normal items allow.
    """
    return [_finding(name, tail, normal[name], defects[name], alpha) for name, tail in tails.items()]


def best(found: Sequence[Finding]) -> Finding:
    """The one that finds most; of equal ones that with the larger area, then the first."""
    return max(found, key=lambda item: item.rank)


def mean_of(one: Finding, other: Finding) -> Finding:
    """The mean of two findings of one statistic, by other normal items; ``defects`` are those of the larger one."""
    return Finding(
        one.statistic,
        (one.share + other.share) / 2,
        (one.auroc + other.auroc) / 2,
        max(one.alpha, other.alpha),
        max(one.defects, other.defects),
    )


def halves(defects: Items, seed: int) -> tuple[Items, Items]:
    """Those that choose, and those that report what was chosen: a seeded half each."""
    order = np.random.default_rng((seed, _SEED)).permutation(len(defects))
    middle = (len(order) + 1) // 2
    return defects.take(np.sort(order[:middle])), defects.take(np.sort(order[middle:]))


def interval(found: int, count: int) -> tuple[float, float]:
    """The Clopper-Pearson interval of a share."""
    outside = (1 - _CONFIDENCE) / 2
    low = 0.0 if found == 0 else float(beta.ppf(outside, found, count - found + 1))
    high = 1.0 if found == count else float(beta.ppf(1 - outside, found + 1, count - found))
    return low, high


def _finding(name: str, tail: str, normal: np.ndarray, defects: np.ndarray, alpha: float) -> Finding:
    usual = np.sort(normal.astype(np.float64))
    rate = max(alpha, 1 / (len(usual) + 1))
    share = float((p_values(tail, usual, defects) <= rate).mean())
    sign = -1.0 if tail == "low" else 1.0
    values = np.nan_to_num(sign * np.concatenate([usual, defects.astype(np.float64)]))
    auroc = float(roc_auc_score(np.repeat([0, 1], [len(usual), len(defects)]), values))
    return Finding(name, share, auroc, rate, len(defects))
