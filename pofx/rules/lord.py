"""Which items of an endless stream are discoveries, with a bound on the share of false ones among all so far.

LORD++: A. Ramdas, F. Yang, M. Wainwright & M. Jordan, "Online control of the false discovery rate with decaying
memory", NIPS 2017, arXiv 1710.00499. Test t is a discovery where p_t ≤ α_t, and

    α_t = W_0 γ⁰_t + (α − W_0) γ¹_{t−τ_1} + α Σ_{j≥2} γ_{t−τ_j}

with τ_j the time of discovery j, and weights γ that sum to at most one. Then Σ_{i≤t} α_i ≤ α (R(t) ∨ 1), R(t) the
discoveries until t, which is their estimate of the share of false ones, held below α at all times; every further
discovery makes later levels larger and none smaller. For p-values of normal items that are independent of each other
and of those of anomalies, FDR(t) = E[false / (R(t) ∨ 1)] ≤ α at every t (their theorem for monotone rules).

**The weights.** With n calibration items no p-value is below 1 / (n + 1); wealth spent on smaller levels is lost. The
paper's decreasing weights spend nearly all of it there, and find nothing. Here every γ is flat, with just so many
places that its level is one such step: so all of the wealth is spent where it can discover something, and α_t is
k_t / (n + 1), where k_t counts the discoveries not longer ago than α (n + 1) tests.

**What holds for conformal p-values.** All of a stream compare with the same n items, so they are independent only
given these. Before the first discovery the levels are known beforehand, and their sum bounds the chance of a false one
however p-values depend: without any anomaly it is at most α / 2, ever. After it the bound α is proven as n grows, since
the share of normal items with p ≤ k / (n + 1) then tends to its mean; for n from 200 to 5,000 it is measured
(docs/results/false-alarms.md), and held.

LOND (Javanmard & Montanari 2015) is proven for positive dependence, which conformal p-values have, but its levels fall
below the smallest p-value for good. SAFFRON (Ramdas, Zrnic, Wainwright & Jordan 2018, arXiv 1802.09098) gains where
many items are anomalies, by not paying for those; where nearly all are normal it was measured to find less.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pofx.rules.conformal import Floats

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Stream:
    """A stream after ``tests`` items with a p-value, of which ``discoveries`` were found.

    ``n`` calibration items set the step of the levels. ``first`` is the test (from 1) of the first discovery;
    ``recent`` are those of the others that still raise levels, ascending.
    """

    fdr: float
    n: int
    tests: int = 0
    discoveries: int = 0
    first: int | None = None
    recent: tuple[int, ...] = ()

    @property
    def starts(self) -> int:
        """How many tests the initial wealth, half of ``fdr``, buys."""
        return _steps(self.fdr / 2, self.n)

    @property
    def later(self) -> int:
        """How many tests a discovery buys; the first one as many as ``starts``."""
        return _steps(self.fdr, self.n)

    @property
    def left(self) -> int:
        """How many further items can be discovered if none of those before them is; 0 if none ever will be."""
        ends = [self.starts, *(time + self.later for time in self.recent)]
        if self.first is not None:
            ends.append(self.first + self.starts)
        return max(0, max(ends) - self.tests)

    @property
    def level(self) -> float:
        """The largest p-value with which the next item is a discovery; 0 if there is none."""
        return float(_steps_of(self, 1)[0]) / (self.n + 1)


def least_items(fdr: float) -> int:
    """How many calibration items it takes to discover anything."""
    return int(np.ceil(2 / fdr - _ROUNDING)) - 1


def after(stream: Stream, p_values: Floats) -> tuple[Stream, NDArray[np.bool_], Floats]:
    """The stream after p-values (m,) in their order; which of them are discoveries, and the level of each, (m,).

    One after the other gives the same as all at once. NaN is no test: it takes no time, and its level is NaN.
    """
    tested = np.flatnonzero(~np.isnan(p_values))
    ranks = np.rint(p_values[tested] * (stream.n + 1) * 1e6) / 1e6  # whole among n items, a fraction among others
    steps, found = _steps_of(stream, len(tested)), np.zeros(len(tested), bool)
    now = stream
    for place in np.flatnonzero(ranks <= stream.later):  # no level is larger
        if ranks[place] <= steps[place]:
            found[place] = True
            width = stream.starts if now.first is None else stream.later
            steps[place + 1 :][:width] += 1
            now = _with_discovery(now, stream.tests + int(place) + 1)
    return _forgotten(replace(now, tests=stream.tests + len(tested))), *_among(p_values, tested, found, steps, stream.n)


def _among(
    p_values: Floats, tested: NDArray[np.intp], found: NDArray[np.bool_], steps: NDArray[np.int64], n: int
) -> tuple[NDArray[np.bool_], Floats]:
    """Discoveries and levels of all items, (m,), from those that were tested."""
    every, levels = np.zeros(p_values.shape, bool), np.full(p_values.shape, np.nan)
    every[tested], levels[tested] = found, steps / (n + 1)
    return every, levels


def _steps(wealth: float, n: int) -> int:
    return int(np.floor(wealth * (n + 1) + _ROUNDING))


def _steps_of(stream: Stream, m: int) -> NDArray[np.int64]:
    """k_t of the next m tests, if there is no discovery among them, (m,)."""
    times = stream.tests + 1 + np.arange(m)
    ends = np.array(stream.recent, np.int64) + stream.later
    found = len(ends) - ends.searchsorted(times, side="left")
    found += times <= stream.starts
    if stream.first is not None:
        found += times <= stream.first + stream.starts
    return found


def _with_discovery(stream: Stream, time: int) -> Stream:
    if stream.first is None:
        return replace(stream, discoveries=1, first=time)
    return replace(stream, discoveries=stream.discoveries + 1, recent=(*stream.recent, time))


def _forgotten(stream: Stream) -> Stream:
    """Without the discoveries that no longer raise levels, so that a stream never grows beyond α (n + 1) numbers."""
    return replace(stream, recent=tuple(time for time in stream.recent if time + stream.later > stream.tests))
