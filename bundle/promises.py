"""Which false-alarm rates a calibration set of n items can promise."""

import math
from typing import Literal

Promise = Literal["marginal", "pac"]
CONFIDENCE = 0.95
_ROUNDING = 1e-9  # so that the rate itself, and not only the next larger number, can fire


def smallest_alpha(n: int) -> dict[Promise, float]:
    """The smallest rate at which n calibration items let a verdict ever fire, by promise.

    ``marginal``: the smallest p-value, 1 / (n + 1). ``pac``: the rate for which P(Binomial(n, alpha) ≥ 1) is 0.95.
    """
    return {"marginal": 1 / (n + 1), "pac": float(1 - (1 - CONFIDENCE) ** (1 / n)) * (1 + _ROUNDING)}


def at_least(rate: float) -> str:
    """A positive rate in three digits, rounded up: as it is written it can be asked for."""
    digits = 2 - math.floor(math.log10(rate))
    return f"{math.ceil(rate * 10**digits - _ROUNDING) / 10**digits:.{digits}f}".rstrip("0")
