"""What is promised of windows of recordings, by simulation: every window counted, and one window a recording.

The statistic of a window is the level of its recording plus an autoregression of order one (0.8 from window to window),
half of the variance each; over all windows it is standard normal, so that the false-alarm rate of a calibration set is
known exactly. No model and no bundle: what is tested is ``pofx.rules.groups`` with everything that counts by it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.table import Row
from pofx import bundle
from pofx.rules.conformal import p_values
from pofx.rules.groups import one_of_each
from pofx.rules.lord import Stream, after
from pofx.rules.promises import CONFIDENCE, pac_rank
from pofx.use.discoveries import benjamini_hochberg, discoveries, one_alone
from service.drift.monitor import Monitor, Rules
from service.drift.watch import Watch

SETS, FRESH, ODD, REPLAYS = 2000, 40, 8, 200
STREAMS, STREAM, STREAM_ODD = 400, 400, 40
RECORDINGS, WINDOWS, ALPHAS, RATES = (25, 400), (1, 40), (0.01, 0.05), (0.05, 0.2)
DRIFT, ONLINE = 0.05, 0.1
EVERY, ONE = "every window counted", "one a recording"
_STATISTIC = bundle.Statistic(name="s", unit="nats", tail="low", description="a window of a recording")
Floats = np.ndarray


def measure(_: Path) -> list[Row]:
    """False alarms, broken pac promises, false discoveries and false alarms of drift, counted either way."""
    rows: list[Row] = []
    for recordings in RECORDINGS:
        for windows in WINDOWS:
            simulated = Simulated(recordings, windows)
            rows += [*_rates(simulated), *_false_discoveries(simulated), *_online(simulated), *_drift(simulated)]
    return rows


@dataclass(frozen=True)
class Simulated:
    """Calibration sets of so many recordings with so many windows each."""

    recordings: int
    windows: int

    def draw(self, random: np.random.Generator, recordings: int | None = None) -> Floats:
        """Fresh recordings, (recordings, windows)."""
        steps = random.standard_normal((recordings or self.recordings, self.windows))
        for place in range(1, self.windows):
            steps[:, place] = 0.8 * steps[:, place - 1] + 0.6 * steps[:, place]
        return (random.standard_normal((len(steps), 1)) + steps) / np.sqrt(2)

    def calibrations(self, random: np.random.Generator) -> dict[str, Floats]:
        """One calibration set, sorted, by what is counted."""
        values = self.draw(random)
        groups = np.repeat(np.arange(len(values)), self.windows)
        kept = one_of_each(groups, random.random(len(groups)))
        return {EVERY: np.sort(values.ravel()), ONE: np.sort(values.ravel()[kept])}

    def row(self, what: str, counted: str, value: float, note: str) -> Row:
        """A measured share."""
        of = f"{self.recordings} recordings of {self.windows}"
        return Row(f"{of}: {what}", (value,), "share", note, counted)


def _rates(simulated: Simulated) -> Iterator[Row]:
    """The rate of all fresh windows of each calibration set, and how often it is over what ``pac`` promises."""
    random, ways = np.random.default_rng(0), [(alpha, rank) for alpha in ALPHAS for rank in (_marginal_rank, pac_rank)]
    rates: dict[tuple[float, object, str], list[float]] = {}
    for _ in range(SETS):
        for counted, values in simulated.calibrations(random).items():
            for alpha, rank in ways:
                rates.setdefault((alpha, rank, counted), []).append(_rate(values, rank(alpha, len(values))))
    for (alpha, rank, counted), found in rates.items():
        if np.isnan(found).all():
            continue  # refused: no p-value is so small
        if rank is pac_rank:
            broken = float(np.mean(np.array(found) > alpha))
            yield simulated.row(f"sets that break pac {alpha}", counted, broken, f"promised {1 - CONFIDENCE:.2g}")
        else:
            yield simulated.row(f"alpha {alpha}", counted, float(np.mean(found)), "")


def _marginal_rank(alpha: float, n: int) -> int:
    return int(alpha * (n + 1) + 1e-9)


def _rate(ascending: Floats, rank: int) -> float:
    """The share of all windows whose p-value is at most rank / (n + 1); NaN where none is so small."""
    return math.nan if rank == 0 else 0.5 * math.erfc(-float(ascending[rank - 1]) / math.sqrt(2))


def _false_discoveries(simulated: Simulated) -> Iterator[Row]:
    """The share of false ones among the discoveries of a request, and of odd recordings that are found."""
    for fdr in RATES:
        random = np.random.default_rng(1)
        shares: dict[str, list[tuple[float, float]]] = {EVERY: [], ONE: []}
        names = np.repeat(np.arange(FRESH), simulated.windows).astype(str).tolist()
        for _ in range(SETS):
            fresh = simulated.draw(random, FRESH)
            fresh[:ODD] -= 4
            values = simulated.calibrations(random)
            every = benjamini_hochberg(p_values("low", values[EVERY], fresh.ravel()), fdr)
            one = discoveries(p_values("low", values[ONE], fresh.ravel()), names, fdr)
            shares[EVERY].append(_shares(every.found.reshape(fresh.shape), ODD))
            shares[ONE].append(_shares(one.found.reshape(fresh.shape)[:, :1], ODD))
        found = f"{ODD} odd among {FRESH} recordings"
        yield from _of_shares(simulated, f"false discoveries of a request at fdr {fdr}", shares, fdr, found)


def _online(simulated: Simulated) -> Iterator[Row]:
    """The same over a stream of recordings, one after the other, in which one in ten is odd."""
    shares: dict[str, list[tuple[float, float]]] = {EVERY: [], ONE: []}
    random = np.random.default_rng(4)
    names = np.repeat(np.arange(STREAM), simulated.windows).astype(str).tolist()
    for _ in range(STREAMS):
        fresh = simulated.draw(random, STREAM)
        odd = np.sort(random.permutation(STREAM)[:STREAM_ODD])
        fresh[odd] -= 4
        values = simulated.calibrations(random)
        for counted in (EVERY, ONE):
            p = p_values("low", values[counted], fresh.ravel())
            alone = p if counted == EVERY else one_alone(p, names)
            found = after(Stream(ONLINE, len(values[counted])), alone)[1].reshape(fresh.shape)
            tested = found if counted == EVERY else found.any(axis=1, keepdims=True)
            order = np.r_[odd, np.setdiff1d(np.arange(STREAM), odd)]
            shares[counted].append(_shares(tested[order], STREAM_ODD))
    found_of = f"{STREAM_ODD} odd among {STREAM} recordings"
    yield from _of_shares(simulated, f"false discoveries of a stream at fdr {ONLINE}", shares, ONLINE, found_of)


def _shares(by_window: Floats, odd: int) -> tuple[float, float]:
    """The share of false ones, of tests (recordings, …) that begin with the odd ones, and of odd recordings found."""
    return by_window[odd:].sum() / max(1, by_window.sum()), by_window[:odd].any(axis=1).mean()


def _of_shares(
    simulated: Simulated, what: str, shares: dict[str, list[tuple[float, float]]], promised: float, of: str
) -> Iterator[Row]:
    for counted, pairs in shares.items():
        false, power = np.mean(pairs, axis=0)
        note = f"promised {promised}; {counted}: {power:.0%} found of {of}"
        yield simulated.row(what, counted, float(false), note)


def _drift(simulated: Simulated) -> Iterator[Row]:
    """How many clean replays ring, of as many recordings as calibrated, at least 100; a request is a recording."""
    alarms, fresh = {EVERY: 0, ONE: 0}, max(100, simulated.recordings)
    for seed in range(REPLAYS):
        random = np.random.default_rng([seed, 2])
        replay = simulated.draw(random, fresh)
        for counted, values in simulated.calibrations(random).items():
            watch = _watch(values, seed, grouped=counted == ONE)
            for place, windows in enumerate(replay):
                watch.add(windows, [str(place)] * len(windows) if counted == ONE else None)
            alarms[counted] += watch.read().alarm
    for counted, count in alarms.items():
        note = f"promised {DRIFT}; {REPLAYS} replays of {fresh} recordings"
        yield simulated.row("clean replays that ring", counted, count / REPLAYS, note)


def _watch(calibration: Floats, seed: int, *, grouped: bool) -> Watch:
    random = np.random.default_rng([seed, 3])
    return Watch(lambda: Monitor(_STATISTIC, calibration, Rules(false_alarm=DRIFT), random), random, grouped=grouped)
