"""Drift watching on real images: false alarms on clean replays, items until the alarm once half of them are rotated.

A clean replay is exchangeable with its calibration set by construction: the shipped calibration items and the test
items are pooled, shuffled anew for every seed, and split into a calibration set of the shipped size and a replay.
MNIST's official test set by itself is no such replay: other people wrote it, and its halves have different sources.
It is measured apart, in its own order.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.bundles import open_bundle, session
from benchmarks.table import Row
from pofx import bundle
from service.drift.monitor import Monitor, Reading, Rules
from service.drift.watch import Watch
from training.prepare import prepare
from training.recipe import parse

REPLAY, SHIFTED, SEEDS, BATCH = 10_000, 500, range(100), 500
MODELS = ("digits-bernoulli", "mnist-made")


def measure(store: Path) -> list[Row]:
    """Alarms and delays for the shipped models whose data are here, and what watching costs."""
    with_data = [name for name in MODELS if name != "mnist-made" or Path("data/mnist").exists()]
    return [*(row for name in with_data for row in _rows(store, name)), *_costs()]


class _Values:
    """The deciding statistic of held-out items: calibration, test, and the test items rotated, (items,) each."""

    def __init__(self, store: Path, name: str) -> None:
        opened = open_bundle(store, name)
        splits = prepare(parse(opened.read_bytes("recipe.toml").decode())).splits
        images = (splits.calibration.x, splits.test.x, np.rot90(splits.test.x, axes=(1, 2)))
        self.statistic = opened.manifest.score.statistics[0]
        self.calibration, self.test, self.rotated = (_values(opened, self.statistic.name, part) for part in images)

    def shuffled(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
        """A calibration set of the shipped size, a clean replay, and the generator to go on with."""
        random = np.random.default_rng([seed, 1])
        pool = random.permutation(np.concatenate([self.calibration, self.test]))
        n = len(self.calibration)
        return pool[:n], pool[n:][:REPLAY], random


def _rows(store: Path, name: str) -> Iterator[Row]:
    values = _Values(store, name)
    replays = [_clean(values, seed) for seed in SEEDS]
    size, n = replays[0].items, len(values.calibration)
    note = (
        f"{len(replays)} seeds, n = {n}, largest evidence at the end 10^{max(r.log10_martingale for r in replays):.1f}"
    )
    yield Row(f"{name}: alarms in {size:,} clean items", (float(sum(r.alarm for r in replays)),), "alarms", note)
    for clean in (0, size // 2):
        for smaller in dict.fromkeys((n, min(n, 100))):
            delays = tuple(_delay(values, seed, clean, smaller) for seed in SEEDS)
            missed = f"{sum(np.isinf(delays))} of {len(delays)} not within {SHIFTED}"
            yield Row(f"{name}: half rotated after {clean:,} clean, n = {smaller:,}", delays, "items", missed)
    in_order = _monitor(values.statistic, values.calibration, 0)
    in_order.take(values.test)
    yield _official(name, in_order.read())


def _clean(values: _Values, seed: int) -> Reading:
    calibration, replay, _ = values.shuffled(seed)
    monitor = _monitor(values.statistic, calibration, seed)
    monitor.take(replay)
    return monitor.read()


def _delay(values: _Values, seed: int, clean: int, n: int) -> float:
    """Items from the beginning of the shift to the alarm, infinite if there is none."""
    calibration, replay, random = values.shuffled(seed)
    monitor = _monitor(values.statistic, calibration[:n], seed)
    count = min(SHIFTED, len(replay) - clean)
    shifted = np.where(random.random(count) < 0.5, random.choice(values.rotated, count), replay[clean:][:count])
    monitor.take(np.concatenate([replay[:clean], shifted]))
    alarm = monitor.read().alarm_item
    return np.inf if alarm is None else float(alarm - clean)


def _official(name: str, state: Reading) -> Row:
    note = f"{state.items:,} items, alarm at {state.alarm_item}, KS of the window {state.ks_distance:.3f}"
    return Row(f"{name}: test set in its own order", (state.log10_martingale,), "log10 of evidence", note)


def _costs() -> Iterator[Row]:
    """What one request pays, and what is done for every item in another thread."""
    random = np.random.default_rng(0)
    calibration, values = np.sort(random.standard_normal(5000)), random.standard_normal(REPLAY)
    statistic = bundle.Statistic(name="normal", unit="", tail="high", description="standard normal")
    watch = Watch(lambda: _monitor(statistic, calibration, 0), random)
    single = values[:1]
    adding, folding, reading = [], [], []
    for _ in range(20):
        adding.append(_seconds(lambda: watch.add(single)) * 1e6)
        watch.add(values)
        folding.append(_seconds(watch.fold) / REPLAY * 1e6)
        reading.append(_seconds(watch.read) * 1e6)
    yield Row("in the request", tuple(adding), "µs/request", "keeping the values of one item")
    yield Row("in another thread", tuple(folding), "µs/item", f"requests of {REPLAY:,}, a full pool")
    yield Row("on a scrape", tuple(reading), "µs/model", "n = 5,000, window 1,000")


def _seconds(work: Callable[[], object]) -> float:
    start = time.thread_time()  # of the processor: other work on the machine does not count
    work()
    return time.thread_time() - start


def _monitor(statistic: bundle.Statistic, calibration: np.ndarray, seed: int) -> Monitor:
    return Monitor(statistic, calibration, Rules(), np.random.default_rng([seed, 2]))


def _values(opened: bundle.Bundle, statistic: str, images: np.ndarray) -> np.ndarray:
    runner = session(opened, opened.manifest.score.graph, 1)
    parts = (np.ascontiguousarray(images[start : start + BATCH]) for start in range(0, len(images), BATCH))
    return np.concatenate([runner.run([statistic], {"image": part})[0] for part in parts]).astype(np.float64)
