"""What is not computed in vain: work that would not be done in time, and work of clients that left.

With ``--other CHECKOUT`` the service there is measured too, on its own bundles, in the same run.
"""

import contextlib
import json
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.load import request
from benchmarks.servers import generate, service, sides
from benchmarks.table import Row

SLOW, MANY, DEADLINE_S = "words-wavenet", 64, 30.0
LEFT, CLIENTS, EACH = "mnist-vae", 64, 1024
UNDER_WAY_S, AFTERWARDS_S = 0.5, 5.0
_DEVICE = re.compile(rf'^pofx_device_seconds_total{{model="{LEFT}"}} (\S+)', re.MULTILINE)


def measure(store: Path, other: Path | None = None) -> list[Row]:
    """Many samples of a slow model, asked for and as advised, and the device time of clients that are gone."""
    rows = []
    for name, bundles, checkout in sides(store, other):
        with service(bundles, None, checkout) as port:
            rows += [*_slow(port, name), *_vanished(port, name)]
    return rows


def _slow(port: int, side: str) -> Iterator[Row]:
    seconds, status, said = _timed(port, SLOW, MANY)
    yield Row(f"{side}: {SLOW} n={MANY}, deadline {DEADLINE_S:.0f} s", (seconds,), "s", f"{status} {said}")
    most = json.loads(said).get("max_n") if status == 413 else None
    if most:
        seconds, status, said = _timed(port, SLOW, most)
        yield Row(f"{side}: {SLOW} n={most}, as advised", (seconds,), "s", f"{status} {said}")


def _timed(port: int, model: str, n: int) -> tuple[float, int, str]:
    """Seconds, status, and what a refusal says."""
    started = time.perf_counter()
    status, said = generate(port, model, n, timeout_s=300)
    return time.perf_counter() - started, status, said


def _vanished(port: int, side: str) -> Iterator[Row]:
    """The service of before has no such metric, and its work went on unseen."""
    generate(port, LEFT, 1)
    if _device_s(port) is None:
        return
    asked = request.post("/generate", json.dumps({"model": LEFT, "n": EACH}).encode())
    with ExitStack() as connections:
        for _ in range(CLIENTS):
            connection = connections.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(asked)
        time.sleep(UNDER_WAY_S)
    left = time.perf_counter()
    before = _device_s(port) or 0.0
    seen_s = time.perf_counter() - left
    time.sleep(AFTERWARDS_S)
    used_s = (_device_s(port) or 0.0) - before
    note = f"gone after {UNDER_WAY_S} s; counted from {1000 * seen_s:.0f} ms after that, for {AFTERWARDS_S:.0f} s"
    yield Row(f"{side}: device time for {CLIENTS} vanished clients, {LEFT} n={EACH}", (1000 * used_s,), "ms", note)


def _device_s(port: int) -> float | None:
    with contextlib.closing(urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60)) as answer:
        found = _DEVICE.search(answer.read().decode())
    return None if found is None else float(found[1])
