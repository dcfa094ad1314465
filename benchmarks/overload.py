"""Twice as many requests as can be answered: what becomes of them, of memory, and of those that come afterwards.

``/score`` of one MNIST image as JSON; the server on one core, the client on the other. Requests come at random times
(Poisson), and latency counts from when each should have been sent. With ``--other CHECKOUT`` the service there is
measured too, in the same run.
"""

import json
import os
import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bundles import images, open_bundle
from benchmarks.load.closed_loop import closed_loop
from benchmarks.load.measured import Load
from benchmarks.load.open_loop import open_loop
from benchmarks.load.request import post
from benchmarks.servers import service, sides
from benchmarks.serving.payloads import png
from benchmarks.table import Row

SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS, CAPACITY_S, CALM_S, OVERLOAD_S, RECOVERY_S = 32, 5.0, 20.0, 60.0, 2.0
NEW_EVERY_S = 0.5
MANY = 512  # connections of the overload: with few of them requests would queue in the driver, not in the service
_MEMORY, _CPU = "process_resident_memory_bytes", "process_cpu_seconds_total"


def measure(store: Path, other: Path | None = None) -> list[Row]:
    """Capacity, 70 % of it, 200 % of it, and a fifth of it two seconds later."""
    previous = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CLIENT_CORE})
    try:
        return [row for side in sides(store, other) for row in _side(*side)]
    finally:
        os.sched_setaffinity(0, previous)


def _side(name: str, store: Path, checkout: Path) -> Iterator[Row]:
    request = post("/score", image_body(store))
    with service(store, SERVER_CORE, checkout) as port:
        closed_loop(port, request, CONNECTIONS, 1.0)
        capacity = closed_loop(port, request, CONNECTIONS, CAPACITY_S)
        rate = capacity.requests_per_s
        calm = open_loop(port, request, 0.7 * rate, CALM_S, seed=1)
        before_mib, before_s = _metric(port, _MEMORY) / 2**20, _metric(port, _CPU)
        with _strangers(port) as answered_s:
            over = open_loop(port, request, 2 * rate, OVERLOAD_S, seed=2, connections=MANY)
        after_mib, after_s = _metric(port, _MEMORY) / 2**20, _metric(port, _CPU)
        open_loop(port, request, 0.2 * rate, RECOVERY_S, seed=3)
        later = open_loop(port, request, 0.2 * rate, RECOVERY_S, seed=4)
    yield Row(f"{name}: capacity", (rate,), "requests/s", f"closed loop, {CONNECTIONS} connections")
    yield _latency(f"{name}: 70 %", calm)
    yield _latency(f"{name}: 200 %", over)
    yield Row(f"{name}: p99 at 200 %", (over.good_p99_ms / calm.good_p99_ms,), "× its value at 70 %")
    yield Row(
        f"{name}: goodput at 200 %", (100 * over.requests_per_s / rate,), "% of capacity", _core(after_s - before_s)
    )
    yield Row(
        f"{name}: a new connection answered at 200 %", (max(answered_s),), "s, worst", f"{len(answered_s)} of them"
    )
    yield Row(f"{name}: memory after 200 %", (after_mib - before_mib,), "MiB more", f"{before_mib:.0f} MiB before")
    yield _latency(f"{name}: 20 %, {RECOVERY_S:.0f} s later", later)


def _latency(what: str, load: Load) -> Row:
    """The driver's own delay is in every latency, so it is told."""
    told = f"p50 {load.good_p50_ms:.1f} ms; {load.requests_per_s:.0f} answered per second, {load.refused} times 429"
    driver = f"{load.errors - load.refused} failed; driver late by {load.late_p99_ms:.1f} ms (p99)"
    return Row(what, (load.good_p99_ms,), "ms, p99 of those answered", f"{told}, {driver}")


def image_body(store: Path) -> bytes:
    """The JSON of a request with one digit."""
    image = images(open_bundle(store, "mnist-made"), 1)[0]
    return json.dumps({"model": "mnist-made", "inputs": [{"image": png(image)}]}).encode()


def _core(seconds: float) -> str:
    """Whether the server had its core: other programs on it would show as less than all of it."""
    return f"the server used {100 * seconds / OVERLOAD_S:.0f} % of its core"


def _metric(port: int, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        found = re.search(rf"^{name} (\S+)", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return float(found[1])


@contextmanager
def _strangers(port: int) -> Iterator[list[float]]:
    """The seconds that somebody waits who comes on a new connection now and then."""
    stop, seconds = threading.Event(), []

    def knock() -> None:
        while not stop.wait(NEW_EVERY_S):
            started = time.perf_counter()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=60) as answer:
                answer.read()
            seconds.append(time.perf_counter() - started)

    thread = threading.Thread(target=knock)
    thread.start()
    yield seconds
    stop.set()
    thread.join()
