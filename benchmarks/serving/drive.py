"""One turn of one system: started, checked, driven, stopped."""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.load.closed_loop import closed_loop
from benchmarks.load.measured import Load
from benchmarks.load.open_loop import open_loop
from benchmarks.processes import CannotRun, started
from benchmarks.serving import agreement
from benchmarks.serving.payloads import Payload, request
from benchmarks.serving.plan import Plan
from benchmarks.serving.results import Closed, Open, Results, Way
from benchmarks.serving.systems import APPS, DIRECT, Place, System, app_environment, serving


@dataclass(frozen=True)
class Exam:
    """Images, uint8 (count, 28, 28, 1), and what the graph says of them, float32 (count,) in nats."""

    images: np.ndarray
    expected: np.ndarray


def turn(
    system: System,
    place: Place,
    plan: Plan,
    exam: Exam,
    number: int,
    asked: Iterable[tuple[Payload, Way]],
    into: Results,
) -> None:
    """Adds a load for everything asked; raises CannotRun."""
    if system is DIRECT:
        for payload, way in asked:
            into.add(system, payload, way, number, _direct(place, plan, way))
        return
    with serving(system, place, exam.images[0]) as port:
        if system.scores:
            agreement.check(port, system, exam.images, exam.expected)
        for payload, way in asked:
            sent = request(system.dialect, payload, exam.images[0])
            _load(port, sent, way, plan.warm_up_s, seed=0)
            load = _load(port, sent, way, plan.seconds, seed=number + 1)
            if not load.requests_per_s:
                raise CannotRun(f"answered none of the requests of {way}")
            if system.scores:
                agreement.check_body(load.sample, float(exam.expected[0]))
            into.add(system, payload, way, number, load)
            _tell(payload, way, load)


def _tell(payload: Payload, way: Way, load: Load) -> None:
    """What was measured, at once: a long run that is stopped has said what it knew."""
    found = f"{load.requests_per_s:,.0f} requests/s, p50 {load.p50_ms:.2f} ms, p99 {load.p99_ms:.2f} ms"
    print(f"  {payload}, {way}: {found}", file=sys.stderr, flush=True)


def _load(port: int, sent: bytes, way: Way, seconds: float, seed: int) -> Load:
    match way:
        case Closed(connections):
            return closed_loop(port, sent, connections, seconds)
        case Open(rate):
            return open_loop(port, sent, rate, 2 * seconds, seed)


def _direct(place: Place, plan: Plan, way: Way) -> Load:
    """The graph in a process of its own on the server's core, in batches of as many images as connections."""
    assert isinstance(way, Closed)
    command = [sys.executable, str(APPS / "direct_app.py"), str(way.connections), str(plan.seconds)]
    with started(command, app_environment(DIRECT, place, port=0), place.core) as running:
        try:
            running.process.wait(60 + plan.seconds)
        except subprocess.TimeoutExpired:
            raise CannotRun("did not end in time") from None
        if running.process.returncode:
            raise CannotRun(running.last_words())
        found = json.loads(running.last_words())
    per_s = found["images_per_s"]
    batch_ms = 1000 * way.connections / per_s
    return Load(per_s, batch_ms, batch_ms, errors=0, sample=b"", core_share=0.0)
