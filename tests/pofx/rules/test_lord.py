"""LORD++ over a stream: its formula, its bound, and what it does with conformal p-values of one calibration set."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx.rules.lord import Stream, after, least_items

RATES = st.sampled_from([0.02, 0.1, 0.3])


def by_formula(fdr, n, ranks):
    """The levels of LORD++ as the paper writes them, with flat weights of whole steps, one test after the other."""
    half, whole = int(fdr / 2 * (n + 1) + 1e-9), int(fdr * (n + 1) + 1e-9)
    times, levels = [], []
    for t, rank in enumerate(ranks, 1):
        level = (t <= half) + sum(t - time <= (whole if j else half) for j, time in enumerate(times))
        levels.append(level)
        if rank <= level:
            times.append(t)
    return times, levels


@given(RATES, st.integers(5, 120).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(1, 9), max_size=90))))
def test_it_is_the_formula_and_a_batch_is_one_test_after_the_other(fdr, case):
    n, ranks = case
    p_values = np.minimum(np.array(ranks, float), n + 1) / (n + 1)
    stream, found, levels = after(Stream(fdr, n), p_values)
    times, expected = by_formula(fdr, n, np.minimum(ranks, n + 1))
    assert (np.flatnonzero(found) + 1).tolist() == times
    np.testing.assert_allclose(levels * (n + 1), expected)
    one = Stream(fdr, n)
    for p_value, was_found, level in zip(p_values, found, levels, strict=True):
        assert one.level == pytest.approx(level)
        one, single, _ = after(one, np.array([p_value]))
        assert single[0] == was_found
    assert one == stream
    assert len(stream.recent) <= stream.later
    assert levels.sum() <= fdr * max(1, stream.discoveries) + 1e-9  # what the bound is proven with


def test_an_item_without_a_p_value_takes_no_time():
    p_values = np.array([np.nan, 0.001, np.nan, 0.5, 0.002])
    stream, found, levels = after(Stream(0.1, 999), p_values)
    assert (stream.tests, found.tolist()) == (3, [False, True, False, False, True])
    assert np.isnan(levels).tolist() == np.isnan(p_values).tolist()


@pytest.mark.parametrize("fdr", [0.05, 0.1, 0.3])
def test_it_begins_with_enough_calibration_items_and_ends_without_discoveries(fdr):
    least = least_items(fdr)
    assert Stream(fdr, least - 1).left == 0
    begun = Stream(fdr, least)
    assert begun.left == 1
    assert after(begun, np.array([1 / (least + 1)]))[0].discoveries == 1
    spent, found, _ = after(Stream(fdr, 199), np.r_[np.ones(30), np.full(50, 1 / 200)])
    assert found.any() == (Stream(fdr, 199).starts > 30)
    assert after(replace(spent, tests=spent.tests + 1000), np.ones(1))[0].left == 0


def streams(random, n, share, tests, sets):
    """p-values (sets, tests) of streams that compare with a calibration set each, and which items are anomalies."""
    calibration = np.sort(random.random((sets, n)), axis=1)
    anomalous = random.random((sets, tests)) < share
    values = np.where(anomalous, random.random((sets, tests)) ** 30, random.random((sets, tests)))  # low is odd
    below = np.stack([own.searchsorted(row, side="right") for own, row in zip(calibration, values, strict=True)])
    return (1 + below) / (n + 1), anomalous


@pytest.mark.parametrize(("n", "share", "power"), [(199, 0.0, 0), (199, 0.3, 0.2), (999, 0.1, 0.5), (2999, 0.02, 0.3)])
def test_the_share_of_false_discoveries_over_single_items_is_at_most_the_rate(n, share, power):
    fdr, random = 0.1, np.random.default_rng(n)
    shares, powers = [], []
    for p_values, anomalous in zip(*streams(random, n, share, 1500, 150), strict=True):
        found = after(Stream(fdr, n), p_values)[1]
        shares.append((found & ~anomalous).sum() / max(1, found.sum()))
        powers.append(found[anomalous].mean() if anomalous.any() else 0)
    noise = 3 * np.std(shares) / len(shares) ** 0.5
    assert np.mean(shares) <= (fdr if share else fdr / 2) + noise
    assert np.mean(powers) >= power


def test_one_request_for_each_item_breaks_the_bound_of_a_request():
    """What the note says: with one item a request, a discovery is p ≤ fdr, and most of them are normal."""
    p_values, anomalous = streams(np.random.default_rng(0), 999, 0.01, 20_000, 20)
    found = p_values <= 0.1  # Benjamini and Hochberg's procedure for one item
    assert 0.89 < (found & ~anomalous).sum() / found.sum() < 0.93
