"""A monitor of one model: silent over clean replays, quick when traffic shifts, and clear about its numbers."""

import numpy as np
import pytest

from pofx import bundle
from service.drift.monitor import Monitor, Rules


def monitor(calibration, seed=1234, tail="low", **rules):
    statistic = bundle.Statistic(name="s", unit="nats", tail=tail, description="s")
    return Monitor(statistic, np.sort(calibration), Rules(**rules), np.random.default_rng([seed, 2]))


def test_clean_replays_do_not_alarm():
    """10,000 items against 1,000 held-out ones, with ties from rounding; the promise is one alarm in a thousand."""
    alarms = 0
    for seed in range(100):
        random = np.random.default_rng([seed, 1])
        watching = monitor(random.standard_normal(1000).round(2), seed)
        watching.take(random.standard_normal(10_000).round(2))
        alarms += watching.read().alarm
    assert alarms <= 1


@pytest.mark.parametrize("n", [36, 1000])
@pytest.mark.parametrize("tail", ["low", "high"])
def test_late_drift_of_half_the_traffic_is_found(n, tail):
    random = np.random.default_rng(0)
    watching = monitor(random.standard_normal(n), tail=tail)
    watching.take(random.standard_normal(10_000))
    assert not watching.read().alarm
    values = random.standard_normal(500)
    watching.take(np.where(random.random(500) < 0.5, values - 2 if tail == "low" else values + 2, values))
    state = watching.read()
    assert 10_000 < state.alarm_item <= 10_500
    assert state.ks_p_value < (0.05 if n == 36 else 1e-6)
    assert state.histogram[0] == max(state.histogram)


def test_an_alarm_stays_when_the_traffic_is_normal_again():
    random = np.random.default_rng(0)
    watching = monitor(random.standard_normal(1000), window=200)
    watching.take(random.standard_normal(100) - 5)
    raised = watching.read().alarm_item
    watching.take(random.standard_normal(5000))
    state = watching.read()
    assert state.alarm_item == raised <= 100
    assert state.ks_p_value > 1e-3


def test_the_window_holds_the_latest_items():
    watching = monitor(np.arange(100.0), window=50)
    watching.take(np.full(300, -1.0))
    assert watching.read().ks_distance == 1
    watching.take(np.arange(100.0)[::2])
    state = watching.read()
    assert (state.items, state.window_items, sum(state.histogram)) == (350, 50, 50)
    assert state.ks_distance <= 0.02
    assert max(state.histogram) <= 8


def test_before_any_item_there_is_no_evidence():
    state = monitor(np.arange(100.0)).read()
    assert (state.items, state.ks_distance, state.ks_p_value, state.log10_martingale) == (0, 0, 1, 0)
    assert not state.alarm


@pytest.mark.parametrize("tail", ["low", "high"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_drift_like_any_other(tail, value):
    watching = monitor(np.random.default_rng(0).standard_normal(200), tail=tail)
    watching.take(np.full(50, value))
    state = watching.read()
    assert state.alarm
    assert state.ks_distance == 1
    extreme_end = np.isnan(value) or (value < 0) == (tail == "low")
    assert state.histogram[0 if extreme_end else -1] == 50


def test_infinities_of_the_calibration_set_are_no_drift():
    random = np.random.default_rng(0)
    values = np.where(random.random(3000) < 0.4, -np.inf, random.standard_normal(3000))
    watching = monitor(values[:1000])
    watching.take(values[1000:])
    state = watching.read()
    assert not state.alarm
    assert state.ks_p_value > 1e-3
    assert max(state.histogram) < 150


def test_the_threshold_follows_the_false_alarm_rate():
    assert monitor(np.arange(9.0), false_alarm=0.05).read().log10_threshold == pytest.approx(1.30103)
