"""Laws of the device: every job gets its own rows back, whatever shares its batches, fails, leaves or expires."""

import asyncio
import threading
import time

import numpy as np
import pytest

from pofx.errors import GraphFailed
from service.engine.device import DeviceThread
from service.engine.policy import Limits
from service.errors import DeadlineExceeded
from service.trace import Trace


class Doubler:
    """Doubles rows; a row of -1 fails its whole batch. ``gate`` keeps the device busy until it is set."""

    mflop_per_row = 1.0

    def __init__(self):
        self.gate, self.batches = threading.Event(), []
        self.gate.set()

    def run(self, arrays, wanted, position=None):
        self.gate.wait(10)
        x = arrays["x"]
        self.batches.append(x.copy())
        if (x == -1).any():
            raise RuntimeError("poison")
        return dict.fromkeys(wanted, x * 2)


def trace(deadline_s=60.0):
    return Trace("test", time.monotonic() + deadline_s)


def on_device(scenario, rows=16, mflop=1e9):
    reports = []

    async def run():
        device = DeviceThread(Limits(mflop, rows), reports.append)
        device.start(asyncio.get_running_loop())
        try:
            return await asyncio.wait_for(scenario(device), 30)
        finally:
            await asyncio.to_thread(device.close)

    return asyncio.run(run()), reports


async def turns(count=3):
    for _ in range(count):
        await asyncio.sleep(0)


def test_every_job_gets_its_own_rows_in_order():
    function, random = Doubler(), np.random.default_rng(0)
    inputs = [random.standard_normal((n, 2)) for n in random.integers(1, 60, 50)]

    async def scenario(device):
        jobs = [device.run(function, {"x": x}, ("y",), trace()) for x in inputs]
        return await asyncio.gather(*jobs)

    outputs, reports = on_device(scenario)
    for x, y in zip(inputs, outputs, strict=True):
        assert np.array_equal(y["y"], x * 2)
    assert sum(report.rows for report in reports) == sum(map(len, inputs))
    assert max(map(len, function.batches)) <= 16


def test_what_waits_while_the_device_is_busy_becomes_one_batch():
    function = Doubler()

    async def scenario(device):
        function.gate.clear()
        first = asyncio.create_task(device.run(function, {"x": np.zeros(1)}, ("y",), trace()))
        while not device.busy_s:
            await asyncio.sleep(0)
        others = [asyncio.create_task(device.run(function, {"x": np.ones(1)}, ("y",), trace())) for _ in range(10)]
        await turns()
        function.gate.set()
        await asyncio.gather(first, *others)

    on_device(scenario)
    assert [len(batch) for batch in function.batches] == [1, 10]


def test_a_small_job_is_not_kept_waiting_by_large_ones():
    function, order = Doubler(), []

    async def note(device, name, rows):
        await device.run(function, {"x": np.zeros(rows)}, ("y",), trace())
        order.append(name)

    async def scenario(device):
        large = [asyncio.create_task(note(device, "large", 500)) for _ in range(3)]
        small = asyncio.create_task(note(device, "small", 1))
        await asyncio.gather(*large, small)

    on_device(scenario)
    assert order[0] == "small"


def test_batches_respect_the_work_budget():
    function = Doubler()

    async def scenario(device):
        await device.run(function, {"x": np.zeros(20)}, ("y",), trace())

    on_device(scenario, rows=100, mflop=7.5)
    assert max(map(len, function.batches)) == 7


def test_a_failing_job_does_not_fail_its_neighbours():
    function = Doubler()

    async def scenario(device):
        function.gate.clear()
        jobs = [
            asyncio.create_task(device.run(function, {"x": np.full(1, value)}, ("y",), trace()))
            for value in (1.0, 2.0, -1.0, 3.0, -1.0, 4.0)
        ]
        await turns()
        function.gate.set()
        return await asyncio.gather(*jobs, return_exceptions=True)

    outcomes, _ = on_device(scenario)
    assert [isinstance(outcome, GraphFailed) for outcome in outcomes] == [False, False, True, False, True, False]
    assert [float(o["y"][0]) for o in outcomes if not isinstance(o, Exception)] == [2.0, 4.0, 6.0, 8.0]


def test_the_loop_survives_a_function_that_returns_nonsense():
    class Nonsense(Doubler):
        def run(self, arrays, wanted, position=None):
            return {name: np.zeros(0) for name in wanted}

    async def scenario(device):
        with pytest.raises(GraphFailed):
            await device.run(Nonsense(), {"x": np.zeros(3)}, ("y",), trace())
        return await device.run(Doubler(), {"x": np.ones(1)}, ("y",), trace())

    outputs, _ = on_device(scenario)
    assert outputs["y"][0] == 2


def test_rows_of_cancelled_and_expired_jobs_never_reach_the_device():
    function = Doubler()

    async def scenario(device):
        function.gate.clear()
        first = asyncio.create_task(device.run(function, {"x": np.zeros(1)}, ("y",), trace()))
        while not device.busy_s:
            await asyncio.sleep(0)
        gone = [asyncio.create_task(device.run(function, {"x": np.full(1, 7.0)}, ("y",), trace())) for _ in range(5)]
        late = asyncio.create_task(device.run(function, {"x": np.full(1, 8.0)}, ("y",), trace(0.0)))
        kept = asyncio.create_task(device.run(function, {"x": np.full(1, 9.0)}, ("y",), trace()))
        await turns()
        for task in gone:
            task.cancel()
        await turns()
        function.gate.set()
        await asyncio.gather(first, kept)
        with pytest.raises(DeadlineExceeded):
            await late

    on_device(scenario)
    assert [batch.tolist() for batch in function.batches] == [[0.0], [9.0]]


def test_closing_runs_what_is_queued():
    function = Doubler()

    async def run():
        device = DeviceThread(Limits(1e9, 4), lambda _: None)
        device.start(asyncio.get_running_loop())
        jobs = [asyncio.create_task(device.run(function, {"x": np.ones(3)}, ("y",), trace())) for _ in range(9)]
        await turns()
        await asyncio.to_thread(device.close)
        return await asyncio.gather(*jobs)

    assert len(asyncio.run(run())) == 9


def test_time_is_attributed_to_queue_and_device():
    found = trace()

    async def scenario(device):
        await device.run(Doubler(), {"x": np.ones(3)}, ("y",), found)

    on_device(scenario)
    assert set(found.seconds) == {"queue", "device"}
    assert min(found.seconds.values()) >= 0
