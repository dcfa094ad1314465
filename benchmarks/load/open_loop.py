"""An open loop: requests at the times of a Poisson process, whether or not earlier ones have been answered."""

import asyncio
import selectors
import time

import numpy as np

from benchmarks.load.answer import Answer
from benchmarks.load.connection import Connection
from benchmarks.load.measured import Load, quantile_ms
from benchmarks.load.pool import Pool

CONNECTIONS = 128  # of usual loads; select() knows at most 1024 files
_PATIENCE_S = 10.0  # for the last answers


def open_loop(
    port: int, request: bytes, requests_per_s: float, seconds: float, seed: int, connections: int = CONNECTIONS
) -> Load:
    """Latencies from the time each request was due, over so many connections; without a free one it waits here."""
    times = arrivals(requests_per_s, seconds, np.random.default_rng(seed))
    # select() waits to the microsecond; epoll, and so uvloop, only to the millisecond, which the figures would show.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(_run(port, request, times, connections))


def arrivals(requests_per_s: float, seconds: float, generator: np.random.Generator) -> np.ndarray:
    """Seconds from the start at which requests are due, float64 in order: a Poisson process of that rate."""
    count = generator.poisson(requests_per_s * seconds)
    return np.sort(generator.random(count)) * seconds


class _Connections:
    """Connections as lines of a pool; one that the server closes is opened again."""

    def __init__(self, port: int, request: bytes) -> None:
        self.port = port
        self.pool: Pool[Connection] = Pool(lambda line, intended: line.send(request, intended))
        self.sample = b""
        self._open: set[Connection] = set()
        self._closing = False
        self._reopening: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: Connection(self), "127.0.0.1", self.port)

    async def close(self) -> None:
        """Closes all of them: the next run has as many file descriptors as this one had."""
        self._closing = True
        await asyncio.gather(*self._reopening, return_exceptions=True)
        for connection in self._open:
            connection.abort()
        while self._open:
            await asyncio.sleep(0.001)

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)
        self.pool.freed(connection)

    def answered(self, connection: Connection, found: Answer) -> None:
        if self._closing:
            return
        if found.good:
            self.sample = found.body
        self.pool.answered(connection, time.perf_counter(), found.good, found.refused)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        self.pool.lost(connection, time.perf_counter())
        if not self._closing:
            task = asyncio.get_running_loop().create_task(self.open())
            self._reopening.add(task)
            task.add_done_callback(self._reopening.discard)


async def _run(port: int, request: bytes, times: np.ndarray, connections: int) -> Load:
    lines = _Connections(port, request)
    for _ in range(connections):
        await lines.open()
    started, used = time.perf_counter(), time.process_time()
    for due in started + times:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        lines.pool.due(float(due), time.perf_counter())
    await _drained(lines.pool)
    elapsed, busy = time.perf_counter() - started, time.process_time() - used
    await lines.close()
    return Load(
        requests_per_s=lines.pool.good / elapsed,
        p50_ms=quantile_ms(lines.pool.latencies, 0.5),
        p99_ms=quantile_ms(lines.pool.latencies, 0.99),
        errors=lines.pool.errors,
        sample=lines.sample,
        core_share=busy / elapsed,
        late_p99_ms=quantile_ms(lines.pool.late, 0.99),
        refused=lines.pool.refused,
        good_p50_ms=quantile_ms(lines.pool.good_latencies, 0.5),
        good_p99_ms=quantile_ms(lines.pool.good_latencies, 0.99),
    )


async def _drained(pool: Pool[Connection]) -> None:
    deadline = time.perf_counter() + _PATIENCE_S
    while not pool.empty and time.perf_counter() < deadline:
        await asyncio.sleep(0.001)
    pool.give_up(time.perf_counter())
