"""Halves of exchangeable items are hardly ever marked, those of windows of few recordings mostly, by simulation."""

import numpy as np
import pytest

from pofx import bundle
from pofx.rules.false_alarms import CHANCE
from pofx.use.halves import halves_compared

STATISTICS = [
    bundle.Statistic(name=name, unit="nats", tail=tail, description="for tests")
    for name, tail in (("a", "high"), ("b", "low"))
]


def marked(values, runs, labels=None):
    """The share of marked sets of items."""
    found = [halves_compared(STATISTICS, dict.fromkeys("ab", values()), labels) for _ in range(runs)]
    return float(np.mean([bool(held_out.excess) for held_out in found]))


@pytest.mark.parametrize("labels", [None, np.arange(300) % 3])
def test_exchangeable_items_are_marked_no_oftener_than_promised(labels):
    random, runs = np.random.default_rng(1), 2000
    assert marked(lambda: random.normal(size=300), runs, labels) <= CHANCE + 4 * np.sqrt(CHANCE / runs)


def test_windows_of_few_recordings_are_mostly_marked():
    random = np.random.default_rng(2)
    assert marked(lambda: np.repeat(random.normal(size=20), 50) + 0.5 * random.normal(size=1000), 100) > 0.6


def test_items_that_leave_a_half_empty_are_not_compared():
    assert halves_compared(STATISTICS, dict.fromkeys("ab", np.arange(20.0)), np.arange(20)) is None
