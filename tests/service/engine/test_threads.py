"""Laws of the device's threads: every request gets its own rows, whatever shares its steps, fails or leaves."""

import asyncio
import threading
import time

import numpy as np
import pytest

from pofx.errors import GraphFailed
from service.engine.prices import Price
from service.engine.slots import Slot
from service.engine.threads import DeviceThreads
from service.engine.work import Limits
from service.errors import DeadlineExceeded
from service.trace import Trace


class Doubler:
    """Doubles rows; a row of -1 fails its whole batch. ``gate`` keeps the device busy until it is set."""

    layout = None

    def __init__(self):
        self.gate, self.batches = threading.Event(), []
        self.gate.set()
        self.price = Price(1e-9, 1e-3, seen=10**6)

    def run(self, arrays, wanted, position=None):
        self.gate.wait(10)
        x = arrays["x"]
        self.batches.append(x.copy())
        if (x == -1).any():
            raise RuntimeError("poison")
        return dict.fromkeys(wanted, x * 2)


class Repeated:
    """Doubles rows so many times over; its rows share a call only where they stand at the same step."""

    wanted = ("y",)

    def __init__(self, graph, x, times=1):
        self.graph, self.x, self.times, self.number = graph, x, times, 0
        self.position = None

    @property
    def progress(self):
        return self.number / self.times

    def next(self):
        return {"x": self.x} if self.number < self.times else None

    def take(self, outputs):
        self.x, self.number = outputs["y"], self.number + 1

    def preview(self):
        return self.x

    def read(self):
        return self.x


def trace(deadline_s=60.0):
    return Trace("test", time.monotonic() + deadline_s, model="test")


def run(device, graph, x, found=None, times=1):
    """What the device makes of the rows; thought to be small where there are up to 16 of them in all."""
    future = asyncio.get_running_loop().create_future()
    steps = Repeated(graph, x, times)
    return device.run(Slot(steps, found or trace(), future, graph.price, times * len(x) * 1e-3, times))


def on_device(scenario, rows=16, lanes=1):
    reports = []

    async def go():
        device = DeviceThreads(Limits(1e9, rows, 0.016), lanes, reports.append)
        device.start(asyncio.get_running_loop())
        try:
            return await asyncio.wait_for(scenario(device), 30)
        finally:
            await asyncio.to_thread(device.close)

    return asyncio.run(go()), reports


async def turns(count=3):
    for _ in range(count):
        await asyncio.sleep(0)


async def held(device, function):
    """A job that runs, and keeps the lane until the gate is opened."""
    function.gate.clear()
    job = asyncio.create_task(run(device, function, np.zeros(1)))
    while not device.busy_s:
        await asyncio.sleep(0)
    return job


@pytest.mark.parametrize("lanes", [1, 3])
def test_every_request_gets_its_own_rows_in_order(lanes):
    function, random = Doubler(), np.random.default_rng(0)
    inputs = [
        (random.standard_normal((n, 2)), times) for n, times in random.integers(1, 60, (50, 2)) % (60, 4) + (1, 1)
    ]

    async def scenario(device):
        return await asyncio.gather(*(run(device, function, x, times=times) for x, times in inputs))

    outputs, reports = on_device(scenario, lanes=lanes)
    for (x, times), y in zip(inputs, outputs, strict=True):
        assert np.array_equal(y, x * 2**times)
    assert sum(report.rows for report in reports) == sum(len(x) * times for x, times in inputs)
    assert max(map(len, function.batches)) <= 16


def test_a_sampler_goes_on_without_the_event_loop():
    """However busy the loop is."""
    function = Doubler()

    async def scenario(device):
        task = asyncio.create_task(run(device, function, np.ones(1), times=30))
        await turns()
        until = time.monotonic() + 10
        while len(function.batches) < 30 and time.monotonic() < until:
            time.sleep(0.001)  # holds the loop
        assert len(function.batches) == 30
        return await task

    assert on_device(scenario)[0] == 2.0**30


def test_two_lanes_run_two_requests_at_the_same_time():
    function = Doubler()

    async def scenario(device):
        function.gate.clear()
        both = [asyncio.create_task(run(device, function, np.ones(60))) for _ in range(2)]
        while len(device._busy_since) < 2:
            await asyncio.sleep(0)
        function.gate.set()
        await asyncio.gather(*both)

    on_device(scenario, lanes=2)


def test_work_of_who_left_ends_within_a_step():
    function = Doubler()

    async def scenario(device):
        function.gate.clear()
        task = asyncio.create_task(run(device, function, np.ones(100), times=100))
        while not device.busy_s:
            await asyncio.sleep(0)
        task.cancel()
        await turns()
        function.gate.set()
        await run(device, Doubler(), np.ones(1))

    on_device(scenario)
    assert [len(batch) for batch in function.batches] == [16]


def test_what_waits_while_the_device_is_busy_becomes_one_batch():
    function = Doubler()

    async def scenario(device):
        first = await held(device, function)
        others = [asyncio.create_task(run(device, function, np.ones(1))) for _ in range(10)]
        await turns()
        function.gate.set()
        await asyncio.gather(first, *others)

    on_device(scenario)
    assert [len(batch) for batch in function.batches] == [1, 10]


def test_a_small_job_is_not_kept_waiting_by_large_ones():
    function, order = Doubler(), []

    async def note(device, name, rows):
        await run(device, function, np.zeros(rows))
        order.append(name)

    async def scenario(device):
        large = [asyncio.create_task(note(device, "large", 500)) for _ in range(3)]
        small = asyncio.create_task(note(device, "small", 1))
        await asyncio.gather(*large, small)

    on_device(scenario)
    assert order[0] == "small"


def test_a_failing_job_does_not_fail_its_neighbours():
    function = Doubler()

    async def scenario(device):
        function.gate.clear()
        jobs = [
            asyncio.create_task(run(device, function, np.full(1, value))) for value in (1.0, 2.0, -1.0, 3.0, -1.0, 4.0)
        ]
        await turns()
        function.gate.set()
        return await asyncio.gather(*jobs, return_exceptions=True)

    outcomes, _ = on_device(scenario)
    assert [isinstance(outcome, GraphFailed) for outcome in outcomes] == [False, False, True, False, True, False]
    assert [float(o[0]) for o in outcomes if not isinstance(o, Exception)] == [2.0, 4.0, 6.0, 8.0]


def test_the_loop_survives_a_function_that_returns_nonsense():
    class Nonsense(Doubler):
        def run(self, arrays, wanted, position=None):
            return {name: np.zeros(0) for name in wanted}

    async def scenario(device):
        with pytest.raises(GraphFailed):
            await run(device, Nonsense(), np.zeros(3))
        return await run(device, Doubler(), np.ones(1))

    outputs, _ = on_device(scenario)
    assert outputs[0] == 2


def test_rows_of_cancelled_and_expired_jobs_never_reach_the_device():
    function = Doubler()

    async def scenario(device):
        first = await held(device, function)
        gone = [asyncio.create_task(run(device, function, np.full(1, 7.0))) for _ in range(5)]
        late = asyncio.create_task(run(device, function, np.full(1, 8.0), trace(0.0)))
        kept = asyncio.create_task(run(device, function, np.full(1, 9.0)))
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

    async def go():
        device = DeviceThreads(Limits(1e9, 4), 1, lambda _: None)
        device.start(asyncio.get_running_loop())
        jobs = [asyncio.create_task(run(device, function, np.ones(3))) for _ in range(9)]
        await turns()
        await asyncio.to_thread(device.close)
        return await asyncio.gather(*jobs)

    assert len(asyncio.run(go())) == 9


def test_time_is_attributed_to_queue_and_device():
    found = trace()

    async def scenario(device):
        await run(device, Doubler(), np.ones(3), found)

    on_device(scenario)
    assert set(found.seconds) == {"queue", "device"}
    assert min(found.seconds.values()) >= 0
