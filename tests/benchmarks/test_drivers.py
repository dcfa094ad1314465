"""Drivers leave nothing behind: a long measurement runs them hundreds of times."""

import asyncio
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.load.closed_loop import closed_loop
from benchmarks.load.open_loop import open_loop
from benchmarks.load.request import post

REQUEST = post("/", b"{}")


async def _answer(reader, writer):
    try:
        while await reader.readexactly(len(REQUEST)):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@contextmanager
def server():
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ports, ending = [], []

    async def serve():
        ending.append(asyncio.Event())
        listening = await asyncio.start_server(_answer, "127.0.0.1", 0)
        ports.append(listening.sockets[0].getsockname()[1])
        ready.set()
        await ending[0].wait()
        listening.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        yield ports[0], loop
    finally:
        loop.call_soon_threadsafe(ending[0].set)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def own_sockets(loop):
    """Descriptors of this process, when the server has seen that its connections are closed."""
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.05), loop).result()
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    "drive",
    [
        lambda port: open_loop(port, REQUEST, 200, 0.1, seed=0),
        lambda port: closed_loop(port, REQUEST, 4, 0.05),
    ],
    ids=["open", "closed"],
)
def test_a_driver_closes_what_it_opened(drive):
    with server() as (port, loop):
        drive(port)
        before = own_sockets(loop)
        loads = [drive(port) for _ in range(3)]
        assert own_sockets(loop) == before
    assert all(load.errors == 0 and load.sample == b"ok" for load in loads)
