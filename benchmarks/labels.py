"""False-alarm rates within every digit, marginal against per-label (Mondrian) calibration, on images not calibrated on.

Three measurements: the shipped calibration on the images held out from the same pool, which the promise is about; on
the official test set, which has other writers; and the mean over many random splits of the pool into calibration and
held-out images, since what is promised is an average over calibration sets.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import pofx
from benchmarks.bundles import open_bundle
from benchmarks.table import Row
from pofx.rules.conformal import p_values
from training.prepare import prepare
from training.recipe import parse

MODEL, ALPHA, SPLITS = "mnist-rnn", 0.05, 200
Rates = Mapping[tuple[int, str], float]
"""Realised false-alarm rates by digit and kind of calibration."""


def measure(store: Path) -> list[Row]:
    """A row per set, digit and kind of calibration; nothing where MNIST is not here."""
    if not Path("data/mnist").exists():
        return []
    opened = open_bundle(store, MODEL)
    splits = prepare(parse(opened.read_bytes("recipe.toml").decode())).splits
    model = pofx.load(MODEL, store=store)
    statistic = model.info.score.statistics[0]
    calibration, held_out, test = (
        _Scored(model.score(part.x).statistics[statistic.name], part.labels, statistic.tail)
        for part in (splits.calibration, splits.held_out, splits.test)
    )
    return [
        *_rows("held out", _rates(calibration, held_out), held_out),
        *_rows(f"{SPLITS} splits", _mean_rates(calibration.joined(held_out), len(calibration.labels)), held_out),
        *_rows("official test", _rates(calibration, test), test),
    ]


@dataclass(frozen=True)
class _Scored:
    """The deciding statistic of items, its anomalous tail, and the labels, (items,) each."""

    values: np.ndarray
    labels: np.ndarray
    tail: str

    def joined(self, other: "_Scored") -> "_Scored":
        return _Scored(np.r_[self.values, other.values], np.r_[self.labels, other.labels], self.tail)

    def take(self, index: np.ndarray) -> "_Scored":
        return _Scored(self.values[index], self.labels[index], self.tail)


def _rates(calibration: _Scored, fresh: _Scored) -> Rates:
    everything, found = np.sort(calibration.values), {}
    for label in np.unique(fresh.labels).tolist():
        own = np.sort(calibration.values[calibration.labels == label])
        values = fresh.values[fresh.labels == label]
        for kind, against in (("marginal", everything), ("per label", own)):
            found[label, kind] = float((p_values(fresh.tail, against, values) <= ALPHA).mean())
    return found


def _mean_rates(pool: _Scored, n: int) -> Rates:
    """The mean over random splits with n calibration items."""
    random = np.random.default_rng(0)
    orders = (random.permutation(len(pool.labels)) for _ in range(SPLITS))
    found = [_rates(pool.take(order[:n]), pool.take(order[n:])) for order in orders]
    return {key: float(np.mean([rates[key] for rates in found])) for key in found[0]}


def _rows(name: str, rates: Rates, fresh: _Scored) -> Iterator[Row]:
    for (label, kind), rate in rates.items():
        yield Row(f"{name}: digit {label}, {kind}", (rate,), "rate", f"{(fresh.labels == label).sum():,} images")
    for kind in ("marginal", "per label"):
        within = [rate for (_, own), rate in rates.items() if own == kind]
        yield Row(f"{name}: lowest and highest digit, {kind}", (min(within), max(within)), "rate", f"asked {ALPHA}")
