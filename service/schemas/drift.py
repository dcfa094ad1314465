"""GET /models/{name}/drift: whether the traffic still looks like the calibration set."""

from typing_extensions import TypedDict


class DriftWindow(TypedDict):
    """The latest items against the calibration set: Kolmogorov-Smirnov distance and the chance of it without drift."""

    size: int
    items: int
    ks_distance: float
    ks_p_value: float


class DriftEvidence(TypedDict):
    """Log10 of a fortune that without drift reaches 10^log10_threshold with a chance of at most false_alarm, ever."""

    log10: float
    log10_threshold: float
    false_alarm: float


class DriftHistogram(TypedDict):
    """P-values of the window in equal bins; without drift about ``expected`` in each. ``edges`` has one more entry."""

    edges: list[float]
    counts: list[int]
    expected: float


class DriftReport(TypedDict):
    """The drift of one model since it was loaded or reset; ``alarm_item`` counts from 1.

    ``passed_over`` items did not count: one of each group does, once, and none without a group where the calibration
    items of the model come in groups.
    """

    model: str
    version: int
    statistic: str
    calibration_n: int
    items: int
    passed_over: int
    alarm: bool
    alarm_item: int | None
    martingale: DriftEvidence
    window: DriftWindow
    histogram: DriftHistogram
    meaning: str
