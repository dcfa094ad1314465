"""What a driver measured, and its quantiles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Load:
    """Latencies of one run, and how busy the driver itself was.

    ``late_p99_ms`` is how long after its time the driver sent, though a connection was free: its own fault, and part of
    the latencies of an open loop. ``core_share`` is the driver's processor time by wall-clock time: near 1, the driver
    was measured instead of the server. ``refused`` of the errors were 429 with Retry-After; the quantiles of what was
    answered with 200 are apart.
    """

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    sample: bytes
    core_share: float
    late_p99_ms: float = 0.0
    refused: int = 0
    good_p50_ms: float = float("nan")
    good_p99_ms: float = float("nan")


def quantile_ms(seconds: Sequence[float], share: float) -> float:
    """That quantile in milliseconds, a value that occurred; NaN of nothing."""
    if not seconds:
        return float("nan")
    return 1000 * float(np.quantile(np.asarray(seconds), share, method="inverted_cdf"))
