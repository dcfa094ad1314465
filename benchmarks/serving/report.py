"""The rows of the report: every system side by side, then what the service reaches of the others."""

from collections.abc import Iterator

from benchmarks.serving.payloads import Payload
from benchmarks.serving.plan import Plan
from benchmarks.serving.results import Closed, Figure, Open, Results, Way, p50_ms, p99_ms, requests_per_s
from benchmarks.serving.systems import ECHO, OURS, PLAIN, System
from benchmarks.table import Row

NAMES: dict[Payload, str] = {"numbers": "JSON numbers", "png": "PNG in JSON"}


def report(plan: Plan, results: Results, ways: dict[Payload, list[Open]]) -> list[Row]:
    """A grid of systems by ways of driving, the ratios, and how busy the driver was."""
    closed = [Closed(count) for count in plan.connections]
    rows = [
        Row(system.title, values, unit, _note(system, results), _column(payload, way))
        for system in plan.systems
        for payload, way, figure, unit in _columns(plan, closed, ways)
        if (values := results.values(system, payload, way, figure))
    ]
    ratios = [row for payload in plan.payloads for row in _ratios(results, payload, closed, ways[payload])]
    return [*rows, *ratios, *_errors(results), *_driver(results), *_missing(results)]


def _columns(
    plan: Plan, closed: list[Closed], ways: dict[Payload, list[Open]]
) -> Iterator[tuple[Payload, Way, Figure, str]]:
    for payload in plan.payloads:
        yield from ((payload, way, requests_per_s, "requests/s") for way in closed)
        for way in ways[payload]:
            yield payload, way, p50_ms, "p50 in ms"
            yield payload, way, p99_ms, "p99 in ms"


def _column(payload: Payload, way: Way) -> str:
    match way:
        case Closed(connections):
            return f"{NAMES[payload]}, {connections} connection{'s' if connections > 1 else ''}"
        case Open(rate):
            return f"{NAMES[payload]} at {rate:,.0f}/s"


def _note(system: System, results: Results) -> str:
    reason = results.reasons.get(system)
    return system.setup if reason is None else f"{system.setup}; stopped: {reason}"


def _ratios(results: Results, payload: Payload, closed: list[Closed], rates: list[Open]) -> Iterator[Row]:
    """What the service reaches of the best peer, of the plain endpoint and of its own HTTP stack."""
    best = results.best_peer(payload)
    others = list(dict.fromkeys(system for system in (best, PLAIN, ECHO) if system is not None))
    for way in [*closed, *rates]:
        figure, unit = (requests_per_s, "× its requests/s") if isinstance(way, Closed) else (p99_ms, "× its p99")
        for other in others:
            if values := results.ratios(OURS, other, payload, way, figure):
                yield Row(f"{OURS.title} / {other.title}: {_column(payload, way)}", values, unit)


def _errors(results: Results) -> Iterator[Row]:
    for (system, payload, way), loads in results.loads.items():
        errors = tuple(float(load.errors) for load in loads.values())
        if any(errors):
            yield Row(f"{system.title}: {_column(payload, way)}", errors, "requests that failed")


def _driver(results: Results) -> Iterator[Row]:
    """How much of its core the driver took at most, and how late it sent at worst."""
    loads = [load for by_round in results.loads.values() for load in by_round.values()]
    if loads:
        yield Row("load driver, busiest run", (100 * max(load.core_share for load in loads),), "% of a core")
    if late := [load.late_p99_ms for load in loads if load.late_p99_ms]:
        yield Row("load driver, latest run: p99 of being late", (max(late),), "ms", "part of the latencies")


def _missing(results: Results) -> Iterator[Row]:
    for system, reason in results.reasons.items():
        yield Row(f"{system.title}: not measured", (), "", reason)
