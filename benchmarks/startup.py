"""Seconds from starting the process to the first 200 of /health/ready: imports, verification and golden self-test."""

import time
from pathlib import Path

from benchmarks.servers import service
from benchmarks.table import Row

REPEATS = 3


def measure(store: Path) -> list[Row]:
    """Start to ready with every bundle of the store."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        with service(store, None):
            seconds.append(time.perf_counter() - started)
    return [Row("start to ready", tuple(seconds), "s", f"{len(list(store.glob('*/*/manifest.json')))} bundles")]
