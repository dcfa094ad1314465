"""Counts of a stream tell what all its p-values would."""

import numpy as np
import pytest

from pofx.cli.tally import Tally
from pofx.kinds.faults import Faults
from pofx.use.discoveries import benjamini_hochberg, discoveries, notes_on
from pofx.use.sizes import Size


class Scored:
    untold = False

    def __init__(self, p_value, wrong=(), groups=()):
        self.p_value, self.anomaly = p_value, p_value <= 0.05
        self.faults = Faults("row", wrong=dict.fromkeys(wrong, "no number"))
        self.groups = tuple(groups)

    def __len__(self):
        return len(self.p_value)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fdr", [0.05, 0.3, 1.0])
def test_discoveries_are_those_of_all_items_at_once(seed, fdr):
    generator = np.random.default_rng(seed)
    n = int(generator.integers(20, 2000))
    ranks = (generator.random(900) ** generator.integers(1, 6) * n).astype(int)
    p_values = (1 + ranks) / (n + 1)
    p_values[generator.random(900) < 0.1] = np.nan
    tally = Tally(Size(n))
    for block in np.array_split(p_values, 7):
        tally.take(Scored(block))
    found, expected = tally.discoveries(fdr), benjamini_hochberg(p_values, fdr)
    assert (found.threshold, found.count, tally.tests) == (expected.threshold, expected.count, expected.tests)
    np.testing.assert_array_equal(found.among(p_values), expected.found)
    assert found.notes == notes_on(expected, Size(n))
    assert (tally.items, tally.anomalies) == (900, np.sum(p_values <= 0.05))


@pytest.mark.parametrize("blocks", [1, 7])
def test_discovered_groups_are_those_of_all_items_at_once(blocks):
    generator = np.random.default_rng(3)
    groups = generator.integers(0, 80, 900).astype(str)
    p_values = (1 + (generator.random(900) ** 3 * 500).astype(int)) / 501
    p_values[generator.random(900) < 0.1] = np.nan
    tally = Tally(Size(500))
    for block in np.array_split(np.arange(900), blocks):
        tally.take(Scored(p_values[block], groups=groups[block].tolist()))
    found, expected = tally.discoveries(0.3), discoveries(p_values, groups.tolist(), 0.3)
    assert (found.tests, found.count, found.threshold) == (80, expected.count, expected.threshold)
    np.testing.assert_array_equal(found.among(groups), expected.found)
    assert 0 < found.count < 80


def test_nothing_is_discovered_among_items_without_p_values():
    tally = Tally(Size(20))
    tally.take(Scored(np.full(3, np.nan), wrong=[1]))
    assert (tally.items, tally.scored) == (3, 2)
    assert tally.discoveries(0.1).threshold is None
    assert not tally.discoveries(0.1).among(np.array([0.01, np.nan])).any()


def test_rows_compared_with_different_numbers_of_items_count_as_they_are():
    generator = np.random.default_rng(9)
    p_values = np.r_[generator.integers(1, 3, 200) / 100, generator.integers(1, 300, 300) / 300]
    tally = Tally(Size(299))
    for block in np.array_split(p_values, 3):
        tally.take(Scored(block))
    expected = benjamini_hochberg(p_values, 0.1)
    assert (tally.discoveries(0.1).threshold, tally.discoveries(0.1).count) == (expected.threshold, expected.count)
    assert expected.count > 0
