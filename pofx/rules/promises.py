"""Which false-alarm rates a calibration set of n items can promise.

``marginal``: averaged over calibration sets, at most a share alpha of normal items are called anomalies. ``pac``: with
probability 0.95 over the calibration set that was drawn, at most a share alpha of all future normal items are. The
realised rate of "p ≤ k / (n + 1)" is Beta(k, n + 1 − k), so the second promise takes the largest k for which a Beta
variable is at most alpha with probability 0.95; that is P(Binomial(n, alpha) ≥ k) ≥ 0.95. ``pac_all``: with
probability 0.95 that holds within each of K labels at once. Labels share no calibration items, so their realised rates
are independent, and each is held with probability 0.95^(1/K) (Šidák), which gives 0.95 for all. V. Vovk, "Conditional
validity of inductive conformal predictors", 2012, arXiv 1209.2673; S. Bates et al., 2023, arXiv 2104.08279.
"""

import math
from functools import lru_cache
from typing import Literal

Promise = Literal["marginal", "pac", "pac_all"]
CONFIDENCE = 0.95
_ROUNDING = 1e-9  # so that the rate itself, and not only the next larger number, can fire


def confidence(promise: Promise, labels: int = 1) -> float:
    """With which probability a promise must hold for one of so many labels; 0 where it holds on average."""
    match promise:
        case "marginal":
            return 0.0
        case "pac":
            return CONFIDENCE
        case "pac_all":
            return float(CONFIDENCE ** (1 / labels))


def smallest_alpha(n: int, labels: int = 0) -> dict[Promise, float]:
    """The smallest rate at which n calibration items let a verdict ever fire, by promise; ``pac_all`` for labels only.

    ``marginal``: the smallest p-value, 1 / (n + 1). ``pac``: the rate for which P(Binomial(n, alpha) ≥ 1) is 0.95.
    """
    found: dict[Promise, float] = {"marginal": 1 / (n + 1), "pac": smallest_pac(n, CONFIDENCE)}
    return found | ({"pac_all": smallest_pac(n, confidence("pac_all", labels))} if labels else {})


def smallest_pac(n: int, sure: float) -> float:
    """The smallest rate that n calibration items hold with that confidence."""
    return float(1 - (1 - sure) ** (1 / n)) * (1 + _ROUNDING)


def at_least(rate: float) -> str:
    """A positive rate in three digits, rounded up: as it is written it can be asked for."""
    digits = 2 - math.floor(math.log10(rate))
    return f"{math.ceil(rate * 10**digits - _ROUNDING) / 10**digits:.{digits}f}".rstrip("0")


@lru_cache(maxsize=256)
def pac_rank(alpha: float, n: int, sure: float = CONFIDENCE) -> int:
    """The largest k with P(Binomial(n, alpha) ≥ k) at least that sure; 0 if there is none."""
    below, k = 0.0, 0
    while k <= n:
        below += _binomial(n, k, alpha)  # P(Binomial ≤ k) = 1 − P(Binomial ≥ k + 1)
        if 1 - below < sure:
            return k
        k += 1
    return n


def _binomial(n: int, k: int, p: float) -> float:
    """P(Binomial(n, p) = k)."""
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(choose + k * math.log(p) + (n - k) * math.log1p(-p))
