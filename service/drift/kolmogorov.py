"""The two-sample Kolmogorov-Smirnov test: how far apart two distributions are at most, and whether that is chance."""

import math

import numpy as np

from pofx.rules.conformal import Floats

_TERMS = np.arange(1, 101)


def distance(first: Floats, second: Floats) -> float:
    """The largest gap between the shares of both samples up to a value, 0 to 1; both sorted, ties and ±inf allowed."""
    values = np.concatenate([first, second])
    shares = (np.searchsorted(sample, values, side="right") / len(sample) for sample in (first, second))
    return float(np.abs(next(shares) - next(shares)).max())


def p_value(gap: float, n: int, m: int) -> float:
    """The chance of such a distance or a larger one between samples of one distribution, asymptotic in both sizes.

    With Stephens' correction for small samples (1970); with ties it is too large, never too small.
    """
    root = math.sqrt(n * m / (n + m))
    return kolmogorov((root + 0.12 + 0.11 / root) * gap)


def kolmogorov(x: float) -> float:
    """The chance that the supremum of a Brownian bridge exceeds x."""
    if x < 0.2:
        return 1.0  # to fifteen digits
    if x < 1.2:  # the two series are equal; each converges fast where it is used
        odd = np.exp(-((2 * _TERMS - 1) ** 2) * math.pi**2 / (8 * x * x))
        return float(1 - math.sqrt(2 * math.pi) / x * odd.sum())
    return float(min(1.0, 2 * ((-1.0) ** (_TERMS - 1) * np.exp(-2 * _TERMS**2 * x * x)).sum()))
