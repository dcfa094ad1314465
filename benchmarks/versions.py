"""The service of this checkout against that of another one, each on its own bundles."""

import io
import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.bulk import post
from benchmarks.bundles import images, open_bundle
from benchmarks.load.closed_loop import closed_loop
from benchmarks.load.request import post as request
from benchmarks.servers import service
from benchmarks.serving.payloads import png
from benchmarks.serving.plan import CLIENT_CORE, SERVER_CORE
from benchmarks.table import Row

REPEATS, SECONDS, CALLS, ITEMS = 7, 3.0, 10, 1000


def measure(store: Path, other: Path) -> list[Row]:
    """Speed of this one divided by that of the other, alternating: images one by one, and a thousand in one body."""
    asked = {
        "one image as JSON, 1 connection": _requests_per_s(_one_image(store), connections=1),
        "one image as JSON, 32 connections": _requests_per_s(_one_image(store), connections=32),
        f"npy of {ITEMS:,} images": _bulk_per_s(images(open_bundle(store, "mnist-made"), ITEMS)),
    }
    ratios: dict[str, list[float]] = {what: [] for what in asked}
    previous = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CLIENT_CORE})
    try:
        with ExitStack() as stack:
            here = stack.enter_context(service(store, SERVER_CORE))
            there = stack.enter_context(service(other.resolve() / "models", SERVER_CORE, other.resolve()))
            for repeat in range(-1, REPEATS):  # the first one warms up
                for what, speed in asked.items():
                    ratio = _ratio(speed, here, there, here_first=repeat % 2 == 0)
                    if repeat >= 0:
                        ratios[what].append(ratio)
    finally:
        os.sched_setaffinity(0, previous)
    return [Row(what, tuple(values), "× the speed of the other") for what, values in ratios.items()]


def _ratio(speed: Callable[[int], float], here: int, there: int, here_first: bool) -> float:
    if here_first:
        ours = speed(here)
        return ours / speed(there)
    theirs = speed(there)
    return speed(here) / theirs


def _one_image(store: Path) -> bytes:
    image = png(images(open_bundle(store, "mnist-made"), 1)[0])
    return request("/score", json.dumps({"model": "mnist-made", "inputs": [{"image": image}]}).encode())


def _requests_per_s(sent: bytes, connections: int) -> Callable[[int], float]:
    def speed(port: int) -> float:
        load = closed_loop(port, sent, connections, SECONDS)
        if load.errors:
            raise AssertionError(f"{load.errors} requests were refused")
        return load.requests_per_s

    return speed


def _bulk_per_s(array: np.ndarray) -> Callable[[int], float]:
    buffer = io.BytesIO()
    np.save(buffer, array)

    def speed(port: int) -> float:
        started = time.perf_counter()
        for _ in range(CALLS):
            post(port, buffer.getvalue())
        return CALLS / (time.perf_counter() - started)

    return speed
