"""Device time is what a thread worked; the pace tells how much passes for it, lately."""

import threading
import time

import pytest

from pofx.graphs.graph import Device
from service.engine.pace import Pace, device_clock


def test_who_waits_uses_no_device_time_where_a_lane_computes_by_itself():
    clock, waited = device_clock(Device()), threading.Event()
    start, began = clock(), time.perf_counter()
    waited.wait(0.05)
    assert clock() - start < (time.perf_counter() - began) / 2


@pytest.mark.parametrize("device", [Device("cuda"), Device("cpu", 2)])
def test_what_is_computed_elsewhere_takes_the_time_that_passes(device):
    clock, waited = device_clock(device), threading.Event()
    start = clock()
    waited.wait(0.02)
    assert clock() - start >= 0.02


def test_the_pace_follows_the_latest_steps_and_is_forgotten():
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert pace() == 1.0
    for passed_s, expected in ((0.03, 3.0), (0.01, 1.0)):
        for _ in range(3000):
            now[0] += passed_s
            pace.note(passed_s, 0.01)
        assert pace() == pytest.approx(expected, rel=0.2)
    pace.note(100.0, 1.0)
    now[0] += 300
    assert pace() == pytest.approx(1.0, rel=0.01)
