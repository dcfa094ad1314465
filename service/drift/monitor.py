"""What is known about the drift of one model: p-values, evidence, and the last window. No threads, no clock."""

import math
from dataclasses import dataclass

import numpy as np

from pofx import bundle
from pofx.rules.conformal import Floats
from service.drift import kolmogorov
from service.drift.martingale import Martingale
from service.drift.pool import Pool, fixed_p_values

BINS = 10
PIECE = 256
"""Items that are ranked at once; the work grows with its square."""


@dataclass(frozen=True)
class Rules:
    """``window``: items compared with the calibration set; ``false_alarm``: chance of an alarm, ever, without drift."""

    window: int = 1000
    false_alarm: float = 0.001


@dataclass(frozen=True)
class Reading:
    """The state after ``items`` items; ``alarm_item`` is the one (from 1) at which the alarm was raised.

    ``passed_over`` more did not count, since their group had, or none was named while the model is ``grouped``.
    """

    statistic: str
    calibration_n: int
    items: int
    window: int
    window_items: int
    ks_distance: float
    ks_p_value: float
    log10_martingale: float
    false_alarm: float
    alarm_item: int | None
    histogram: tuple[int, ...]
    passed_over: int = 0
    grouped: bool = False

    @property
    def log10_threshold(self) -> float:
        """What the martingale reaches with a chance of at most ``false_alarm``."""
        return -math.log10(self.false_alarm)

    @property
    def alarm(self) -> bool:
        """Whether the martingale has ever reached its threshold."""
        return self.alarm_item is not None


class Monitor:
    """Watches one statistic of one model."""

    def __init__(
        self, statistic: bundle.Statistic, calibration: Floats, rules: Rules, random: np.random.Generator
    ) -> None:
        self._statistic, self._rules, self._random = statistic, rules, random
        self._calibration = np.sort(_extreme_first(statistic, calibration))
        self._pool = Pool(self._calibration, random)
        self._martingale = Martingale()
        self._log10_threshold = -math.log10(rules.false_alarm)
        self._items = 0
        self._alarm_item: int | None = None
        self._window = self._window_p_values = np.empty(0)

    def take(self, values: Floats) -> None:
        """Takes note of values of the statistic, shape (n,), in order."""
        oriented = _extreme_first(self._statistic, values)
        for start in range(0, len(oriented), PIECE):
            self._test(oriented[start : start + PIECE])
        self._slide(oriented[-self._rules.window :])

    def _test(self, piece: Floats) -> None:
        fortune = self._martingale.update(self._pool.p_values(piece))
        over = np.flatnonzero(fortune >= self._log10_threshold)
        if self._alarm_item is None and over.size:
            self._alarm_item = self._items + int(over[0]) + 1
        self._items += len(piece)

    def _slide(self, latest: Floats) -> None:
        p_values = fixed_p_values(self._calibration, latest, self._random)
        self._window = np.concatenate([self._window, latest])[-self._rules.window :]
        self._window_p_values = np.concatenate([self._window_p_values, p_values])[-self._rules.window :]

    def read(self) -> Reading:
        """The state now; without any item the distance is 0 and its p-value 1."""
        n, m = len(self._calibration), len(self._window)
        gap = kolmogorov.distance(self._calibration, np.sort(self._window)) if m else 0.0
        return Reading(
            statistic=self._statistic.name,
            calibration_n=n,
            items=self._items,
            window=self._rules.window,
            window_items=m,
            ks_distance=gap,
            ks_p_value=kolmogorov.p_value(gap, n, m) if m else 1.0,
            log10_martingale=self._martingale.log10,
            false_alarm=self._rules.false_alarm,
            alarm_item=self._alarm_item,
            histogram=tuple(np.histogram(self._window_p_values, BINS, (0, 1))[0].tolist()),
        )


def _extreme_first(statistic: bundle.Statistic, values: Floats) -> Floats:
    """Values with the most extreme the smallest; NaN, which no calibration set has, is as extreme as can be."""
    oriented = values if statistic.tail == "low" else -values
    return np.where(np.isnan(oriented), -np.inf, oriented)
