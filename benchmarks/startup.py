"""Seconds from starting a process to its first answer: imports, verification and golden self-test."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.servers import service
from benchmarks.table import Row

REPEATS = 3
_FIRST_SCORE = """
import pofx
model = pofx.load({folder!r})
model.score(model.sample(1, seed=1).values)
"""


def measure(store: Path) -> list[Row]:
    """Start to ready with every bundle of the store, and start to end of one score in Python."""
    bundles = len(list(store.glob("*/*/manifest.json")))
    return [
        Row("service, start to ready", tuple(_served_s(store) for _ in range(REPEATS)), "s", f"{bundles} bundles"),
        Row("pofx.load, a sample and its score", tuple(_loaded_s(store) for _ in range(REPEATS)), "s", "mnist-rnn"),
    ]


def _served_s(store: Path) -> float:
    started = time.perf_counter()
    with service(store, None):
        return time.perf_counter() - started


def _loaded_s(store: Path) -> float:
    command = _FIRST_SCORE.format(folder=str(store / "mnist-rnn"))
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", command], check=True)
    return time.perf_counter() - started
