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
from pofx.rules.promises import CONFIDENCE, pac_rank
from pofx.use.discoveries import Discoveries, benjamini_hochberg, discoveries
from service.drift.monitor import Monitor, Rules
from service.drift.watch import Watch

SETS, FRESH, ODD, REPLAYS = 2000, 40, 8, 200
RECORDINGS, WINDOWS, ALPHAS = (25, 400), (1, 40), (0.01, 0.05)
DRIFT = 0.05
_STATISTIC = bundle.Statistic(name="s", unit="nats", tail="low", description="a window of a recording")


def measure(_: Path) -> list[Row]:
    """False alarms, broken pac promises, false discoveries and false alarms of drift, counted either way."""
    rows: list[Row] = []
    for recordings in RECORDINGS:
        for windows in WINDOWS:
            simulated = Simulated(recordings, windows)
            rows += [*_rates(simulated), *_false_discoveries(simulated), *_drift(simulated)]
    return rows


@dataclass(frozen=True)
class Simulated:
    """Calibration sets of so many recordings with so many windows each."""

    recordings: int
    windows: int

    def draw(self, random: np.random.Generator, recordings: int | None = None) -> np.ndarray:
        """Fresh recordings, (recordings, windows)."""
        steps = random.standard_normal((recordings or self.recordings, self.windows))
        for place in range(1, self.windows):
            steps[:, place] = 0.8 * steps[:, place - 1] + 0.6 * steps[:, place]
        return (random.standard_normal((len(steps), 1)) + steps) / np.sqrt(2)

    def calibrations(self, random: np.random.Generator) -> dict[str, np.ndarray]:
        """One calibration set, sorted, by what is counted."""
        values = self.draw(random)
        groups = np.repeat(np.arange(len(values)), self.windows)
        counted = {"one a recording": np.sort(values.ravel()[one_of_each(groups, random.random(len(groups)))])}
        return counted if self.windows == 1 else {"every window": np.sort(values.ravel()), **counted}

    def row(self, what: str, counted: str, value: float, unit: str, note: str = "") -> Row:
        """A measured share."""
        of = f"{self.recordings} recordings of {self.windows}"
        return Row(f"{of}: {what}, {counted}", (value,), unit, note)


def _rates(simulated: Simulated) -> Iterator[Row]:
    """The rate of all fresh windows of each calibration set, and how often it is over what ``pac`` promises."""
    random, rates, broken = np.random.default_rng(0), {}, {}
    for _ in range(SETS):
        for counted, values in simulated.calibrations(random).items():
            for alpha in ALPHAS:
                n = len(values)
                rates.setdefault((alpha, counted), []).append(_rate(values, int(alpha * (n + 1) + 1e-9)))
                broken.setdefault((alpha, counted), []).append(_rate(values, pac_rank(alpha, n)) > alpha)
    for (alpha, counted), found in rates.items():
        if not any(found):
            yield simulated.row(f"alpha {alpha}", counted, 0.0, "rate", "refused: no p-value is so small")
            continue
        yield simulated.row(f"alpha {alpha}", counted, float(np.mean(found)), "rate", f"promised {alpha}")
        share = float(np.mean(broken[alpha, counted]))
        yield simulated.row(f"pac {alpha} broken", counted, share, "sets", f"promised {1 - CONFIDENCE:.2g}")


def _rate(ascending: np.ndarray, rank: int) -> float:
    """The share of all windows whose p-value is at most rank / (n + 1)."""
    return 0.0 if rank == 0 else _normal(float(ascending[rank - 1]))


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _false_discoveries(simulated: Simulated) -> Iterator[Row]:
    """The share of false ones among discoveries, and of odd recordings that are found."""
    for fdr in (0.05, 0.2):
        random, found = np.random.default_rng(1), {}
        for _ in range(SETS):
            fresh = simulated.draw(random, FRESH)
            fresh[:ODD] -= 4
            for counted, values in simulated.calibrations(random).items():
                p = p_values("low", values, fresh.ravel())
                found.setdefault(counted, []).append(_shares(_discovered(p, counted, simulated, fdr), fresh.shape))
        for counted, shares in found.items():
            false, power = np.mean(shares, axis=0)
            note = f"promised {fdr}; {power:.0%} of {ODD} odd among {FRESH} recordings are found"
            yield simulated.row(f"false discoveries at fdr {fdr}", counted, float(false), "share", note)


def _discovered(p: np.ndarray, counted: str, simulated: Simulated, fdr: float) -> Discoveries:
    if counted == "every window":
        return benjamini_hochberg(p, fdr)
    return discoveries(p, np.repeat(np.arange(FRESH), simulated.windows).astype(str).tolist(), fdr)


def _shares(discovered: Discoveries, shape: tuple[int, ...]) -> tuple[float, float]:
    by_window = discovered.found.reshape(shape)
    return by_window[ODD:].sum() / max(1, by_window.sum()), by_window[:ODD].any(1).mean()


def _drift(simulated: Simulated) -> Iterator[Row]:
    """How many clean replays ring, of as many recordings as calibrated, at least 100; a request is a recording."""
    alarms: dict[str, int] = {}
    fresh = max(100, simulated.recordings)
    for seed in range(REPLAYS):
        random = np.random.default_rng([seed, 2])
        replay = simulated.draw(random, fresh)
        for counted, values in simulated.calibrations(random).items():
            watch = _watch(values, seed, grouped=counted != "every window")
            for place, windows in enumerate(replay):
                watch.add(windows, [str(place)] * len(windows) if counted != "every window" else None)
            alarms[counted] = alarms.get(counted, 0) + watch.read().alarm
    for counted, count in alarms.items():
        note = f"promised {DRIFT}; {REPLAYS} replays of {fresh} recordings"
        yield simulated.row("clean replays that ring", counted, count / REPLAYS, "replays", note)


def _watch(calibration: np.ndarray, seed: int, *, grouped: bool) -> Watch:
    random = np.random.default_rng([seed, 3])
    return Watch(lambda: Monitor(_STATISTIC, calibration, Rules(false_alarm=DRIFT), random), random, grouped=grouped)
