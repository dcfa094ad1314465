"""An open-loop HTTP/1.1 client: requests come as they come, whether or not the ones before were answered.

Latency counts from when a request should have been sent (so nothing is hidden by waiting for a connection).
"""

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass, field

import uvloop

_MOST_CONNECTIONS = 256
_TICK_S = 0.001


@dataclass
class Outcome:
    """What came of the requests that should have been sent in some time; latencies of accepted ones in seconds."""

    seconds: float
    sent: int = 0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    with_retry_after: int = 0
    failed: int = 0
    connect_s: list[float] = field(default_factory=list)
    finished_s: float = 0.0

    @property
    def goodput(self) -> float:
        """Accepted requests per second, until the last answer."""
        return len(self.latencies) / (self.seconds + self.finished_s)

    def quantile_ms(self, share: float) -> float:
        """Milliseconds that so large a share of the accepted requests took at most."""
        ordered = sorted(self.latencies) or [float("nan")]
        return 1000 * ordered[int(share * (len(ordered) - 1))]


class _Connection(asyncio.Protocol):
    def __init__(self, client: "_Client") -> None:
        self.client, self.buffer, self.due = client, b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, due: float) -> None:
        self.due = due
        self.transport.write(self.client.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        head = head.lower()
        if len(body) < int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        self.buffer = b""
        self.client.answered(self, head)

    def connection_lost(self, error: Exception | None) -> None:
        self.client.lost(self)


class _Client:
    def __init__(self, port: int, request: bytes, outcome: Outcome) -> None:
        self.port, self.request, self.outcome = port, request, outcome
        self.idle: list[_Connection] = []
        self.waiting: deque[float] = deque()
        self.connections = self.open = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def dispatch(self, due: float) -> None:
        self.outcome.sent += 1
        self.open += 1
        if self.idle:
            self.idle.pop().send(due)
            return
        self.waiting.append(due)
        if self.connections < _MOST_CONNECTIONS:
            self.connections += 1
            task = asyncio.ensure_future(self._connect())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        _, made = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.port)
        self.outcome.connect_s.append(time.perf_counter() - started)
        self._free(made)

    def answered(self, connection: _Connection, head: bytes) -> None:
        now = time.perf_counter()
        self.open -= 1
        if head.startswith(b"http/1.1 200"):
            self.outcome.latencies.append(now - connection.due)
        elif head.startswith(b"http/1.1 429"):
            self.outcome.refused += 1
            self.outcome.with_retry_after += b"\r\nretry-after: " in head
        else:
            self.outcome.failed += 1
        connection.due = 0.0
        self.outcome.finished_s = now
        self._free(connection)

    def lost(self, connection: _Connection) -> None:
        self.connections -= 1
        if connection in self.idle:
            self.idle.remove(connection)
        if connection.due:
            self.open -= 1
            self.outcome.failed += 1

    def _free(self, connection: _Connection) -> None:
        if self.waiting:
            connection.send(self.waiting.popleft())
        else:
            self.idle.append(connection)


def open_loop(port: int, path: str, body: bytes, rate: float, seconds: float) -> Outcome:
    """Poisson arrivals of POSTs with a JSON body at that rate, and what came of them; waits for all answers."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    return uvloop.run(_run(port, request, rate, seconds))


async def _run(port: int, request: bytes, rate: float, seconds: float) -> Outcome:
    outcome, drawn = Outcome(seconds), random.Random(7)
    client = _Client(port, request, outcome)
    started = time.perf_counter()
    due = started + drawn.expovariate(rate)
    while due < started + seconds:
        now = time.perf_counter()
        while due <= now and due < started + seconds:
            client.dispatch(due)
            due += drawn.expovariate(rate)
        await asyncio.sleep(_TICK_S)
    while client.open and time.perf_counter() < started + seconds + 60:
        await asyncio.sleep(_TICK_S)
    outcome.finished_s = max(0.0, outcome.finished_s - started - seconds)
    outcome.failed += client.open
    return outcome
