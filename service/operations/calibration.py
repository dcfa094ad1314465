"""From a statistic to a p-value, by comparison with held-out data (conformal; Vovk, Gammerman & Shafer 2005).

With n exchangeable held-out values the p-value (1 + number at least as extreme) / (n + 1) is at most alpha with
probability at most alpha for normal traffic. It is never below 1 / (n + 1).
A statistic of minus or plus infinity is a number like any other; NaN has no p-value and no verdict.
"""

import math

import numpy as np
from numpy.typing import NDArray

import bundle
from service.errors import RequestInvalid
from service.inference.graph import Array

Floats = NDArray[np.float64]


def p_values(statistic: bundle.Statistic, calibration: Floats, values: Array) -> Floats:
    """The p-value of each value, shape (batch,); NaN where the value is NaN."""
    n = len(calibration)
    values = values.astype(np.float64)
    if statistic.tail == "low":
        extreme = np.searchsorted(calibration, values, side="right")
    else:
        extreme = n - np.searchsorted(calibration, values, side="left")
    return np.where(np.isnan(values), np.nan, (1 + extreme) / (n + 1))


def smallest_p_value(n: int) -> float:
    """What n held-out items allow at best."""
    return 1 / (n + 1)


def default_alpha(usual: float, n: int) -> float:
    """The usual false-alarm rate, or the smallest that n held-out items allow where that is larger."""
    return max(usual, smallest_p_value(n))


def check_alpha(alpha: float, n: int) -> None:
    """Raises RequestInvalid for a false-alarm rate at which no item could ever be called an anomaly."""
    check_rate("alpha", alpha, n, "can never fire")


def check_rate(name: str, rate: float, n: int, consequence: str) -> None:
    """Raises RequestInvalid for an option that asks for less than the smallest p-value."""
    if rate >= smallest_p_value(n):
        return
    needed = math.ceil(1 / rate - 1)
    detail = (
        f"{name} {rate:g} {consequence}: with {n} calibration items p-values start at {smallest_p_value(n):.3g}; "
        f"use {name} of at least that, or a model calibrated on {needed} items"
    )
    raise too_few(detail, f"/{name}", n, needed)


def too_few(detail: str, pointer: str, n: int, needed: int) -> RequestInvalid:
    """The refusal of what n calibration items cannot support, with the number that would."""
    return RequestInvalid(
        detail,
        pointer=pointer,
        smallest_p_value=smallest_p_value(n),
        calibration_n=n,
        calibration_n_needed=needed,
    )
