"""Discoveries among groups: of all that are called so, few are false; what belongs together is said or asked for."""

import numpy as np
import pytest

from pofx.errors import RequestInvalid
from pofx.kinds.columns import TextColumns
from pofx.kinds.decoded import Decoded
from pofx.rules.conformal import p_values
from pofx.rules.groups import one_of_each
from pofx.rules.lord import Stream, after
from pofx.use.discoveries import benjamini_hochberg, discoveries, one_alone
from pofx.use.grouping import GroupsAsked

CALIBRATION, FRESH, ODD, TRIALS = 300, 20, 5, 300


@pytest.mark.parametrize("windows", [1, 8])
@pytest.mark.parametrize("odd", [0, ODD])
def test_few_of_the_groups_that_are_discovered_are_normal(recordings, windows, odd):
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(CALIBRATION), windows)
    names = [f"recording {place}" for place in range(FRESH) for _ in range(windows)]
    false = {0.05: [], 0.2: []}
    found = 0
    for _ in range(TRIALS):
        calibration = recordings(random, CALIBRATION, windows).ravel()[one_of_each(groups, random.random(len(groups)))]
        fresh = recordings(random, FRESH, windows)
        fresh[:odd] -= 4
        p = p_values("low", np.sort(calibration), fresh.ravel())
        for fdr, shares in false.items():
            discovered = discoveries(p, names, fdr)
            by_group = discovered.found.reshape(FRESH, windows)
            assert (by_group == by_group[:, :1]).all()
            assert (discovered.tests, discovered.count) == (FRESH, by_group[:, 0].sum())
            shares.append(by_group[odd:, 0].sum() / max(1, discovered.count))
            found += by_group[:odd, 0].sum()
    for fdr, shares in false.items():
        assert np.mean(shares) <= fdr + 3 * np.std(shares) / np.sqrt(TRIALS)
    assert found >= 0.6 * odd * TRIALS


@pytest.mark.parametrize("windows", [1, 8])
def test_few_of_the_groups_that_a_stream_discovers_are_normal(recordings, windows):
    random, n, fresh, odd = np.random.default_rng(2), 400, 200, 40
    names = np.repeat(np.arange(fresh), windows).astype(str).tolist()
    false, found = [], 0
    for _ in range(100):
        calibration = np.sort(recordings(random, n, windows)[:, 0])
        values, is_odd = recordings(random, fresh, windows), np.zeros(fresh, bool)
        is_odd[random.permutation(fresh)[:odd]] = True
        values[is_odd] -= 5
        alone = one_alone(p_values("low", calibration, values.ravel()), names)
        by_group = after(Stream(0.2, n), alone)[1].reshape(fresh, windows).any(axis=1)
        false.append((by_group & ~is_odd).sum() / max(1, by_group.sum()))
        found += by_group[is_odd].sum()
    assert np.mean(false) <= 0.2 + 3 * np.std(false) / 10
    assert found > 0.6 * odd * 100


def test_items_that_are_groups_of_their_own_are_discovered_as_without_groups():
    p = np.array([0.001, 0.5, np.nan, 0.002, 0.9])
    each = discoveries(p, list("abcde"), 0.1)
    alone = benjamini_hochberg(p, 0.1)
    assert (each.tests, each.count, each.threshold) == (alone.tests, alone.count, alone.threshold) == (4, 2, 0.002)
    assert each.found.tolist() == alone.found.tolist()


def test_a_group_without_any_p_value_is_not_tested():
    found = discoveries(np.array([np.nan, np.nan, 0.001]), ["a", "a", "b"], 0.1)
    assert (found.tests, found.count, found.found.tolist()) == (1, 1, [False, False, True])


TABLE = Decoded(np.zeros((3, 1)), columns=TextColumns({"a": ["1", "2", "3"], " machine": ["m1", "m2", "m1"]}, {}))


@pytest.mark.parametrize(
    ("asked", "groups"),
    [
        (GroupsAsked(), ()),
        (GroupsAsked("m1"), ("m1", "m1", "m1")),
        (GroupsAsked(7.0), ("7", "7", "7")),
        (GroupsAsked(["m1", 2, "m1"]), ("m1", "2", "m1")),
        (GroupsAsked(column="machine"), ("m1", "m2", "m1")),
    ],
)
def test_a_group_is_named_for_all_for_each_or_by_a_column(asked, groups):
    assert asked.of(TABLE).groups == groups


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (GroupsAsked(["m1"]), "expected 3 groups, one per item, got 1"),
        (GroupsAsked("m1", "machine"), "expected group or group_column, got both"),
        (GroupsAsked(column="pump"), "no column 'pump' with groups; there is: 'a', ' machine'"),
    ],
)
def test_what_does_not_name_groups_is_refused(asked, message):
    with pytest.raises(RequestInvalid) as refused:
        asked.of(TABLE)
    assert message in str(refused.value)
