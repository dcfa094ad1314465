"""A watch loses no item, whoever folds them in, and does not mind the order within a request."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pofx import bundle
from pofx.rules.groups import REMEMBERED
from service.drift.monitor import PIECE, Monitor, Rules
from service.drift.watch import Watch


def watch(calibration=None, seed=0, grouped=False, **rules):
    statistic = bundle.Statistic(name="s", unit="nats", tail="low", description="s")
    random = np.random.default_rng(seed)
    calibration = np.sort(random.standard_normal(500) if calibration is None else calibration)
    return Watch(lambda: Monitor(statistic, calibration, Rules(**rules), random), random, grouped=grouped)


def test_every_item_is_counted_once_when_others_fold_and_read():
    watching, random = watch(), np.random.default_rng(1)
    sizes = random.integers(1, 40, 300)
    with ThreadPoolExecutor(3) as pool:
        for size in sizes:
            if watching.add(random.standard_normal(size)):
                pool.submit(watching.fold)
            pool.submit(watching.read)
    assert watching.read().items == sizes.sum()


def test_small_requests_are_folded_in_together():
    watching = watch()
    due = [watching.add(np.zeros(1)) for _ in range(3 * PIECE)]
    assert sum(due) == 3


def test_the_order_within_a_request_is_no_drift():
    watching, random = watch(), np.random.default_rng(2)
    for _ in range(5):
        watching.add(np.sort(random.standard_normal(1000)))
    assert not watching.read().alarm


def test_a_reset_forgets_traffic_and_alarm():
    watching = watch()
    watching.add(np.full(300, -9.0))
    assert watching.read().alarm
    watching.add(np.full(300, -9.0))
    assert (watching.reset().items, watching.read().alarm) == (0, False)
    watching.add(np.random.default_rng(3).standard_normal(100))
    assert (watching.read().items, watching.read().alarm) == (100, False)


@pytest.mark.parametrize("windows", [1, 8])
def test_clean_replays_of_recordings_ring_no_oftener_than_promised_if_groups_are_told(recordings, windows):
    """60 replays of 150 recordings against 60 that calibrated; the promise is one alarm in twenty replays."""
    alarms, of_windows = 0, 0
    for seed in range(60):
        random = np.random.default_rng([seed, 1])
        calibration = recordings(random, 60, windows)
        by_group = watch(calibration[:, 0], seed, grouped=True, false_alarm=0.05)
        by_window = watch(calibration.ravel(), seed, false_alarm=0.05)
        for place, values in enumerate(recordings(random, 150, windows)):
            by_group.add(values, [str(place)] * windows)
            by_window.add(values)
        alarms += by_group.read().alarm
        of_windows += by_window.read().alarm
    assert alarms <= 0.05 * 60 + 3 * np.sqrt(0.05 * 0.95 * 60)
    assert (of_windows > 30) == (windows > 1)


def test_a_group_counts_once_over_several_requests():
    watching = watch(grouped=True)
    watching.add(np.zeros(5), ["a", "a", "b", "b", "b"])
    watching.add(np.zeros(2), ["b", "c"])
    state = watching.read()
    assert (state.items, state.passed_over) == (3, 4)
    assert watching.reset().passed_over == 0
    watching.add(np.zeros(1), ["a"])
    assert watching.read().items == 1


@pytest.mark.parametrize(("grouped", "items"), [(True, 0), (False, 300)])
def test_without_groups_nothing_counts_for_a_model_of_groups(grouped, items):
    watching = watch(grouped=grouped)
    watching.add(np.full(300, -9.0))
    state = watching.read()
    assert (state.items, state.passed_over, state.alarm) == (items, 300 - items, not grouped)


def test_a_watch_forgets_the_groups_it_has_known_longest():
    watching = watch()
    watching.add(np.zeros(1), ["first"])
    watching.add(np.zeros(REMEMBERED), [str(place) for place in range(REMEMBERED)])
    watching.add(np.zeros(2), ["first", str(REMEMBERED - 1)])
    assert watching.read().passed_over == 1
