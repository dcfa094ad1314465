"""When an item is an anomaly: by which statistic, at which false-alarm rate, and with which promise.

``marginal``: averaged over calibration sets, at most a share alpha of normal items are called anomalies. ``pac``: with
probability 0.95 over the calibration set that was drawn, at most a share alpha of all future normal items are. The
realised rate of "p ≤ k / (n + 1)" is Beta(k, n + 1 − k), so the second promise takes the largest k for which a Beta
variable is at most alpha with probability 0.95; that is P(Binomial(n, alpha) ≥ k) ≥ 0.95. V. Vovk, "Conditional
validity of inductive conformal predictors", 2012, arXiv 1209.2673; S. Bates et al., 2023, arXiv 2104.08279.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import bundle
from bundle import CONFIDENCE, Promise
from service.errors import RequestInvalid
from service.operations.calibration import Size, check_alpha, default_alpha, smallest, too_few


@dataclass(frozen=True)
class Rule:
    """A p-value of that statistic that is at most the threshold is an anomaly.

    ``thresholds`` has one for every calibration size, in their order.
    """

    statistic: str
    alpha: float
    promise: Promise
    thresholds: tuple[float, ...]


@dataclass(frozen=True)
class Asked:
    """What a request says about the verdict; None is for the service to choose."""

    statistic: str | None = None
    alpha: float | None = None
    promise: Promise = "marginal"


def rule(score: bundle.Score, sizes: Sequence[Size], asked: Asked, usual: float) -> Rule:
    """The rule a request asks for; RequestInvalid for an unknown statistic, or a rate that could never fire.

    Without a rate it is the usual one, raised as far as the smallest of the calibration sizes needs.
    """
    chosen, least = _statistic(score, asked.statistic), smallest(sizes)
    if asked.promise == "marginal":
        alpha = _marginal_alpha(asked.alpha, usual, least)
        return Rule(chosen, alpha, asked.promise, (alpha,) * len(sizes))
    alpha = _pac_alpha(asked.alpha, usual, least)
    return Rule(chosen, alpha, asked.promise, tuple(pac_rank(alpha, size.n) / (size.n + 1) for size in sizes))


@lru_cache(maxsize=256)
def pac_rank(alpha: float, n: int) -> int:
    """The largest k with P(Binomial(n, alpha) ≥ k) ≥ 0.95; 0 if there is none."""
    below, k = 0.0, 0
    while k <= n:
        below += _binomial(n, k, alpha)  # P(Binomial ≤ k) = 1 − P(Binomial ≥ k + 1)
        if 1 - below < CONFIDENCE:
            return k
        k += 1
    return n


def _statistic(score: bundle.Score, asked: str | None) -> str:
    names = [item.name for item in score.statistics]
    if asked is None or asked in names:
        return asked or names[0]
    raise RequestInvalid(f"no statistic {asked!r}; this model has: {', '.join(names)}", pointer="/verdict")


def _marginal_alpha(asked: float | None, usual: float, size: Size) -> float:
    if asked is None:
        return default_alpha(usual, size)
    check_alpha(asked, size)
    return asked


def _pac_alpha(asked: float | None, usual: float, size: Size) -> float:
    best = bundle.smallest_alpha(size.n)["pac"]
    if asked is None:
        return max(usual, best)
    if pac_rank(asked, size.n) >= 1:
        return asked
    needed = math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-asked))
    detail = (
        f"alpha {asked:g} can never fire with the promise pac: {size.items} support {bundle.at_least(best)} at best; "
        f"use an alpha of at least that, the promise marginal, or a model calibrated on {size.needed(needed)}"
    )
    raise too_few(detail, "/alpha", size, needed)


def _binomial(n: int, k: int, p: float) -> float:
    """P(Binomial(n, p) = k)."""
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(choose + k * math.log(p) + (n - k) * math.log1p(-p))
