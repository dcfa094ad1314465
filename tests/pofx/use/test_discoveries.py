"""Discoveries: the procedure as it is defined, its bound on false ones, and when it cannot find any."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.rules.conformal import p_values
from pofx.use.discoveries import benjamini_hochberg, check_fdr, power_note
from pofx.use.sizes import Size

RATES = st.sampled_from(["0.01", "0.05", "0.1", "0.2", "0.3", "0.7"])
TAIL_HIGH = bundle.Statistic(name="distance", unit="1", tail="high", description="how far")


def by_definition(ranks, n, fdr):
    """Exact: p = rank / (n + 1); the k smallest for the largest k with p_(k) <= fdr·k/m."""
    m, ordered = len(ranks), sorted(ranks)
    allowed = [rank for k, rank in enumerate(ordered, 1) if Fraction(rank, n + 1) <= fdr * Fraction(k, m)]
    return [rank <= max(allowed, default=0) for rank in ranks]


@given(
    st.integers(1, 400).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(1, n + 1), max_size=40))), RATES
)
def test_it_is_the_definition(case, rate):
    n, ranks = case
    found = benjamini_hochberg(np.array(ranks) / (n + 1), float(rate))
    assert found.found.tolist() == by_definition(ranks, n, Fraction(rate))
    assert found.count == sum(by_definition(ranks, n, Fraction(rate)))
    assert (found.threshold is None) == (found.count == 0)
    assert found.tests == len(ranks)


def test_equal_p_values_are_found_together_or_not_at_all():
    assert benjamini_hochberg(np.array([0.04, 0.04, 0.9]), 0.1).found.tolist() == [True, True, False]
    assert benjamini_hochberg(np.array([0.07, 0.07, 0.9]), 0.1).found.tolist() == [False, False, False]
    assert benjamini_hochberg(np.full(7, 0.1), 0.1).count == 7
    assert benjamini_hochberg(np.full(7, 0.11), 0.1).count == 0


def test_an_item_without_a_p_value_is_neither_test_nor_discovery():
    found = benjamini_hochberg(np.array([np.nan, 0.05, np.nan, 0.9]), 0.1)
    assert (found.tests, found.found.tolist(), found.threshold) == (2, [False, True, False, False], 0.05)
    nothing = benjamini_hochberg(np.full(3, np.nan), 0.1)
    assert (nothing.tests, nothing.count, nothing.threshold) == (0, 0, None)


@pytest.mark.parametrize("anomalies", [0, 10, 40])
def test_the_mean_share_of_false_discoveries_is_at_most_the_rate_times_the_share_of_normal_items(anomalies):
    generator = np.random.default_rng(anomalies)
    shares, powers, m, fdr = [], [], 100, 0.2
    for _ in range(600):
        calibration = np.sort(generator.standard_normal(300))  # shared by all items of the request
        values = generator.standard_normal(m) + 3.5 * (np.arange(m) < anomalies)
        found = benjamini_hochberg(p_values("high", calibration, values), fdr).found
        shares.append(found[anomalies:].sum() / max(1, found.sum()))
        powers.append(found[:anomalies].mean() if anomalies else 1.0)
    noise = 3 * np.std(shares) / len(shares) ** 0.5
    assert np.mean(shares) <= fdr * (m - anomalies) / m + noise
    assert np.mean(powers) > 0.5


def test_a_rate_that_no_p_value_reaches_is_refused_and_the_next_is_not():
    check_fdr(0.1, Size(9))
    with pytest.raises(RequestInvalid, match=r"fdr 0.1 allows no discovery: with 8 calibration items") as refused:
        check_fdr(0.1, Size(8))
    assert refused.value.extra["calibration_n_needed"] == 9
    assert benjamini_hochberg(np.full(50, 1 / 10), 0.1).count == 50
    assert benjamini_hochberg(np.full(50, 1 / 9), 0.1).count == 0


@given(st.integers(1, 200), st.integers(1, 60), RATES)
def test_the_note_says_how_many_anomalies_it_takes_to_be_found(n, m, rate):
    def finds(anomalies, n):
        ranks = [1] * anomalies + [n + 1] * (m - anomalies)
        return any(by_definition(ranks, n, Fraction(rate))[:anomalies])

    note = power_note(benjamini_hochberg(np.ones(m), float(rate)), Size(n))
    if note is None:
        assert finds(1, n)
        return
    assert not finds(1, n)
    words = note.split()
    least, needed = int(words[words.index("than") + 1]), int(words[words.index("takes") + 1])
    assert not finds(least - 1, n)
    assert least > m or finds(least, n)
    assert finds(1, needed)
    assert not finds(1, needed - 1)
