"""A closed loop: so many connections, each waiting for its answer before it sends again."""

import asyncio
import contextlib
import time

import uvloop

from benchmarks.load.answer import Answer
from benchmarks.load.connection import Connection
from benchmarks.load.measured import Load, quantile_ms

_PATIENCE_S = 30.0  # for the last answers


def closed_loop(port: int, request: bytes, connections: int, seconds: float) -> Load:
    """Requests per second with so many connections; the latency of a request counts from when it was sent."""
    return uvloop.run(_run(port, request, connections, seconds))


class _Callers:
    """Every connection sends again as soon as it has its answer, until the time is over."""

    def __init__(self, request: bytes, until: float) -> None:
        self.request, self.until = request, until
        self.latencies: list[float] = []
        self.good = self.errors = 0
        self.sample = b""
        self.ended: dict[Connection, asyncio.Future[None]] = {}

    def opened(self, connection: Connection) -> None:
        self.ended[connection] = asyncio.get_running_loop().create_future()
        connection.send(self.request, time.perf_counter())

    def answered(self, connection: Connection, found: Answer) -> None:
        now = time.perf_counter()
        assert connection.since is not None
        self.latencies.append(now - connection.since)
        connection.since = None
        self.good += found.good
        self.errors += not found.good
        if found.good:
            self.sample = found.body
        if now < self.until:
            connection.send(self.request, now)
        else:
            connection.close()

    def lost(self, connection: Connection) -> None:
        self.errors += connection.since is not None
        self.ended.pop(connection).set_result(None)

    async def call(self, port: int) -> None:
        """One connection after another, until the time is over; servers may close one whenever they like."""
        loop = asyncio.get_running_loop()
        while time.perf_counter() < self.until:
            try:
                _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
            except OSError:
                self.errors += 1
                await asyncio.sleep(0.01)
                continue
            if connection in self.ended:
                await self.ended[connection]


async def _run(port: int, request: bytes, connections: int, seconds: float) -> Load:
    started, used = time.perf_counter(), time.process_time()
    callers = _Callers(request, started + seconds)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds + _PATIENCE_S):
            await asyncio.gather(*(callers.call(port) for _ in range(connections)))
    elapsed = time.perf_counter() - started
    return Load(
        requests_per_s=callers.good / elapsed,
        p50_ms=quantile_ms(callers.latencies, 0.5),
        p99_ms=quantile_ms(callers.latencies, 0.99),
        errors=callers.errors + len(callers.ended),
        sample=callers.sample,
        core_share=(time.process_time() - used) / elapsed,
    )
