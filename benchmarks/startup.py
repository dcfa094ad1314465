"""Seconds from starting a process to its first answers, and the memory of the service, before requests and after.

The store is loaded model by model: the port is open at once, and each model serves as soon as it is loaded.
"""

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import requests, resident_mib, send
from benchmarks.processes import started
from benchmarks.servers import free_port, service_settings
from benchmarks.table import Row
from service.app import GIVE_BACK_S

REPEATS = 3
LOAD_S = 60.0
_READY_TIMEOUT_S = 120
_FIRST_SCORE = """
import pofx
model = pofx.load({folder!r})
model.score(model.sample(1, seed=1).values)
"""


@dataclass
class Start:
    """A service that starts: seconds until its port was open, its first model and all models were loaded."""

    process: int
    port: int
    live_s: float | None = None
    first_s: float | None = None
    all_s: float | None = None


def measure(store: Path) -> list[Row]:
    """Start to ready with every bundle of the store, memory then and under load, and start to one score in Python."""
    bundles = f"{len(list(store.glob('*/*/manifest.json')))} bundles"
    starts = [_start(store) for _ in range(REPEATS)]
    memory = _memory(store)
    return [
        Row("service, start to open port", tuple(start.live_s or 0 for start, _ in starts), "s", bundles),
        Row("service, start to first model", tuple(start.first_s or 0 for start, _ in starts), "s", bundles),
        Row("service, start to ready", tuple(start.all_s or 0 for start, _ in starts), "s", bundles),
        Row("memory when ready", tuple(mib for _, mib in starts), "MiB", bundles),
        *memory,
        Row("pofx.load, a sample and its score", tuple(_loaded_s(store) for _ in range(REPEATS)), "s", "mnist-rnn"),
    ]


def _start(store: Path) -> tuple[Start, float]:
    with _starting(store) as start:
        return start, resident_mib(start.process)


def _memory(store: Path) -> list[Row]:
    """The most there was under load, and what is left of it."""
    with _starting(store) as start:
        answers = send(start.port, requests(store), LOAD_S)
        note = ", ".join(f"{count} × {status}" for status, count in sorted(answers.items()))
        peak = resident_mib(start.process, "VmHWM")
        time.sleep(GIVE_BACK_S + 1)
        after = resident_mib(start.process)
    what = f"{LOAD_S:.0f} s of every request to every model"
    return [
        Row(f"memory at its peak, in {what}", (peak,), "MiB", note),
        Row("memory half a minute later", (after,), "MiB", ""),
    ]


@contextlib.contextmanager
def _starting(store: Path) -> Iterator[Start]:
    """The service when it is ready, with when it came to what."""
    port, began = free_port(), time.perf_counter()
    with started([sys.executable, "-m", "service"], service_settings(store, port), None) as running:
        start = Start(running.process.pid, port)

        def ready() -> bool:
            answer, now = _readiness(port), time.perf_counter() - began
            if answer is not None:
                start.live_s = start.live_s or now
                start.first_s = start.first_s or (now if answer["models"] else None)
                start.all_s = now if answer.get("status") == "ready" else None
            return start.all_s is not None

        running.wait_until(ready, _READY_TIMEOUT_S)
        yield start


def _readiness(port: int) -> dict[str, object] | None:
    """What /health/ready says, ready or not; None while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        return dict(json.load(error))
    except OSError:
        return None


def _loaded_s(store: Path) -> float:
    command = _FIRST_SCORE.format(folder=str(store / "mnist-rnn"))
    started_at = time.perf_counter()
    subprocess.run([sys.executable, "-c", command], check=True)
    return time.perf_counter() - started_at
