"""What large requests cost everybody else: the latency of small ones while a large one runs, and the work in all.

With ``--other CHECKOUT`` the service there is measured too, on its own bundles, in the same run.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.overload import image_body
from benchmarks.servers import ask, generate, service, sides
from benchmarks.table import Row
from pofx import bundle

LOADS = (("words-wavenet", 32), ("mnist-nade", 1024), ("mnist-made", 512))
PROBES, EVERY_S, AT_MOST_S = 400, 0.02, 25.0
REPEATS, SINGLES, LARGE, UNDER_WAY_S = 4, 40, 512, 0.4


def measure(store: Path, other: Path | None = None) -> list[Row]:
    """Latency of ``/score`` unloaded and beside each load, then of one sample beside many of the same model."""
    rows = []
    for name, bundles, checkout in sides(store, other):
        with service(bundles, None, checkout) as port:
            rows += [*_scores_beside(port, bundles, name), *_single_beside_many(port, name)]
    return rows


def _scores_beside(port: int, store: Path, side: str) -> Iterator[Row]:
    body = image_body(store)
    there = bundle.Store(store).names()
    _probe(port, body, PROBES // 4)
    unloaded = [_probe(port, body, PROBES) for _ in range(2)]
    base = statistics.median(_p99(times) for times in unloaded)
    yield _latency(f"{side}: /score, unloaded", unloaded)
    for model, n in LOADS:
        if model in there:
            with _running(port, model, n):
                times = _probe(port, body, PROBES)
            yield _latency(f"{side}: /score beside {model} n={n}", [times])
            yield Row(f"{side}: p99 beside {model} n={n}", (_p99(times) / base,), "× unloaded")


def _latency(what: str, repeats: list[list[float]]) -> Row:
    p50 = statistics.median(1000 * value for times in repeats for value in times)
    counted = sum(map(len, repeats))
    return Row(what, tuple(1000 * _p99(times) for times in repeats), "ms, p99", f"p50 {p50:.1f} ms, {counted} requests")


def _single_beside_many(port: int, side: str) -> Iterator[Row]:
    """One sample of ``mnist-made`` beside 512, and both kinds of work together against one after the other."""
    alone, beside, throughput = [], [], []
    for repeat in range(REPEATS):
        singles = [_timed(lambda: generate(port, "mnist-made", 1)) for _ in range(SINGLES)]
        large_s = _timed(lambda: generate(port, "mnist-made", LARGE))
        started = time.perf_counter()
        with _background(lambda: generate(port, "mnist-made", LARGE)):
            time.sleep(UNDER_WAY_S)
            together = [_timed(lambda: generate(port, "mnist-made", 1)) for _ in range(SINGLES)]
        both_s = time.perf_counter() - started
        if repeat or REPEATS == 1:
            alone.append(1000 * statistics.median(singles))
            beside.append(1000 * statistics.median(together))
            throughput.append(100 * (sum(singles) + large_s) / both_s)
    yield Row(f"{side}: mnist-made n=1, unloaded", tuple(alone), "ms, p50")
    yield Row(f"{side}: mnist-made n=1 beside n={LARGE}", tuple(beside), "ms, p50")
    yield Row(f"{side}: the same", tuple(b / a for a, b in zip(alone, beside, strict=True)), "× unloaded")
    yield Row(f"{side}: both kinds of work together", tuple(throughput), "% of one after the other")


@contextmanager
def _running(port: int, model: str, n: int) -> Iterator[None]:
    """Such requests, one after the other without a pause."""
    stop = threading.Event()

    def go() -> None:
        while not stop.is_set():
            generate(port, model, n)

    with _background(go):
        time.sleep(0.3)
        yield
        stop.set()


@contextmanager
def _background(work: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()


def _probe(port: int, body: bytes, count: int) -> list[float]:
    """Seconds of requests that are sent at a steady pace, counted from when each should have been sent."""
    started = time.perf_counter()
    times: list[float] = []
    for number in range(count):
        due = started + number * EVERY_S
        if due - started > AT_MOST_S or time.perf_counter() - started > AT_MOST_S:
            break
        time.sleep(max(0.0, due - time.perf_counter()))
        status, said = ask(port, "/score", body)
        if status != 200:
            raise AssertionError(f"/score answered {status} {said}")
        times.append(time.perf_counter() - due)
    return times


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _p99(times: list[float]) -> float:
    return sorted(times)[int(0.99 * (len(times) - 1))]
