"""A closed-loop HTTP/1.1 client on raw asyncio protocols: cheap enough that one core outruns the servers under test."""

import asyncio
import statistics
import time
from dataclasses import dataclass

import uvloop


@dataclass(frozen=True)
class Load:
    """What a closed loop measured."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    sample: bytes


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, until: float) -> None:
        self.request, self.until = request, until
        self.latencies: list[float] = []
        self.errors = 0
        self.buffer = b""
        self.sample = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.latencies.append(time.perf_counter() - self.sent)
        if not head.startswith(b"HTTP/1.1 200"):
            self.errors += 1
        self.sample, self.buffer = body, b""
        if time.perf_counter() < self.until:
            self._send()
        else:
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.errors += 1
            self.done.set_result(None)


def closed_loop(port: int, path: str, body: bytes, content_type: str, connections: int, seconds: float) -> Load:
    """Requests per second with so many connections, each waiting for its answer before it sends again."""
    fields = ["Host: localhost", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    head = "\r\n".join([f"POST {path} HTTP/1.1", *fields, "", ""])
    return uvloop.run(_run(port, head.encode() + body, connections, seconds))


async def _run(port: int, request: bytes, connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(request, started + seconds), "127.0.0.1", port)
        for _ in range(connections)
    ]
    protocols = [protocol for _, protocol in made]
    await asyncio.gather(*(protocol.done for protocol in protocols))
    elapsed = time.perf_counter() - started
    latencies = sorted(value for protocol in protocols for value in protocol.latencies)
    return Load(
        requests_per_s=len(latencies) / elapsed,
        p50_ms=1000 * statistics.median(latencies),
        p99_ms=1000 * latencies[int(0.99 * (len(latencies) - 1))],
        errors=sum(protocol.errors for protocol in protocols),
        sample=protocols[0].sample,
    )
