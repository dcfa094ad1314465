"""Every system in turn, in rounds whose order is drawn anew: closed loops first, then open ones at what they showed."""

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import bulk
from benchmarks.bundles import images, open_bundle, session
from benchmarks.processes import CannotRun
from benchmarks.serving.drive import Exam, turn
from benchmarks.serving.payloads import Payload
from benchmarks.serving.plan import Plan
from benchmarks.serving.report import report
from benchmarks.serving.results import Closed, Open, Results, Way
from benchmarks.serving.systems import DIRECT, OURS, Place, System
from benchmarks.table import Row

MODEL, SHARE_OF_BEST, EXAMINED = "mnist-made", 0.7, 8


def measure(store: Path, plan: Plan) -> list[Row]:
    """The table of all systems, what the service reaches of others, and the bulk request."""
    with _place(store, plan) as place, _pinned(plan.client_cores):
        results, exam = Results(), _exam(place)
        closed = [(payload, Closed(count)) for payload in plan.payloads for count in plan.connections]
        _rounds(plan, place, exam, results, lambda _: closed)
        ways = {payload: _open_ways(plan, results, payload) for payload in plan.payloads}
        _rounds(plan, place, exam, results, lambda system: _bearable(system, results, ways))
        rows = report(plan, results, ways)
    return rows + (bulk.measure(store) if OURS in plan.systems else [])


@contextmanager
def _place(store: Path, plan: Plan) -> Iterator[Place]:
    """A store with the one bundle, and its score graph as a file."""
    opened = open_bundle(store, MODEL)
    with tempfile.TemporaryDirectory() as folder:
        alone, graph = Path(folder) / "models", Path(folder) / "score.onnx"
        shutil.copytree(store / MODEL, alone / MODEL)
        graph.write_bytes(opened.read_bytes(opened.manifest.graphs["score"].files["onnx"]))
        yield Place(alone, graph, plan.environments, plan.server_core)


@contextmanager
def _pinned(cores: set[int]) -> Iterator[None]:
    """The load driver, which is this process, on its cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _exam(place: Place) -> Exam:
    opened = open_bundle(place.store, MODEL)
    items = images(opened, EXAMINED)
    return Exam(items, session(opened, "score", threads=1).run(["log_prob"], {"image": items})[0])


def _rounds(
    plan: Plan,
    place: Place,
    exam: Exam,
    results: Results,
    asked: Callable[[System], list[tuple[Payload, Way]]],
) -> None:
    """What is asked of each system; one that cannot run is left out of the rounds after, with its reason."""
    order = random.Random(plan.seed)
    for number in range(plan.rounds):
        for system in order.sample(plan.systems, len(plan.systems)):
            if system in results.reasons or not asked(system):
                continue
            print(f"round {number + 1} of {plan.rounds}: {system.title}", file=sys.stderr, flush=True)
            try:
                turn(system, place, plan, exam, number, asked(system), results)
            except CannotRun as reason:
                results.reasons[system] = str(reason)
                print(f"{system.title}: {reason}", file=sys.stderr, flush=True)


def _open_ways(plan: Plan, results: Results, payload: Payload) -> list[Open]:
    """70 % of what the best peer reached, and the rates asked for."""
    best = results.best_peer(payload)
    rates = [] if best is None else [round(SHARE_OF_BEST * results.capacity(best, payload))]
    return [Open(float(rate)) for rate in dict.fromkeys([*rates, *plan.rates]) if rate > 0]


def _bearable(system: System, results: Results, ways: dict[Payload, list[Open]]) -> list[tuple[Payload, Way]]:
    """The rates below what a system reached: above it, only the length of the run would be measured."""
    if system is DIRECT:
        return []
    return [
        (payload, way)
        for payload, rates in ways.items()
        for way in rates
        if way.requests_per_s < results.capacity(system, payload)
    ]
