"""Windows of one recording are known by the samples that they share, in any order; other recordings share none."""

import numpy as np
import pytest

from pofx.rules.overlaps import RUN, Overlaps, overlapping

LENGTH = 400


def windows(hop, recordings=6):
    random = np.random.default_rng(0)
    samples = random.normal(0, 300, (recordings, 5 * LENGTH)).astype(np.int16)
    starts = range(0, 4 * LENGTH + 1, hop)
    return random.permutation(np.stack([row[start : start + LENGTH] for row in samples for start in starts]))


@pytest.mark.parametrize(("hop", "share"), [(LENGTH // 4, 1.0), (LENGTH // 2, 1.0), (LENGTH, 0.0)])
def test_windows_that_overlap_are_found_in_any_order(hop, share):
    found = windows(hop)
    assert overlapping(found) == pytest.approx(share * len(found), abs=2)
    in_blocks = Overlaps()
    for part in np.array_split(found, 4):
        in_blocks.take(part)
    assert in_blocks.count() == overlapping(found)


def test_the_same_window_twice_overlaps_and_silence_does_not():
    found = windows(LENGTH)[:4]
    silence = np.zeros_like(found)
    silence[:, : LENGTH // 2] = found[:, : LENGTH // 2]
    assert overlapping(np.concatenate([found, found[1:2]])) == 2
    assert overlapping(silence) == 0


def test_of_windows_that_are_shorter_than_a_run_nothing_is_known():
    assert overlapping(np.ones((3, RUN - 1), np.int16)) == 0
