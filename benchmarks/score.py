"""One MNIST image per request, as JSON: the service against a plain FastAPI endpoint with the same graph."""

import base64
import io
import json
import os
from pathlib import Path

from PIL import Image

from benchmarks.bundles import images, open_bundle
from benchmarks.load import Load, closed_loop
from benchmarks.servers import plain_endpoint, service
from benchmarks.table import Row

REPEATS, SECONDS, WARM_UP_S = 5, 4.0, 1.0
SERVER_CORE, CLIENT_CORE = 0, 1


def measure(store: Path) -> list[Row]:
    """Requests per second at 1 and 32 connections, both servers alternating, server and client on a core each."""
    body = image_body(store)
    previous = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CLIENT_CORE})
    loads: dict[tuple[str, int], list[Load]] = {}
    try:
        with service(store, SERVER_CORE) as ours, plain_endpoint(store, SERVER_CORE) as plain:
            _check_same_answer(ours, plain, body)
            for _ in range(REPEATS):
                for connections in (1, 32):
                    for name, port in (("service", ours), ("plain", plain)):
                        loads.setdefault((name, connections), []).append(_load(port, body, connections, SECONDS))
    finally:
        os.sched_setaffinity(0, previous)
    return [row for connections in (1, 32) for row in _rows(loads, connections)]


def _rows(loads: dict[tuple[str, int], list[Load]], connections: int) -> list[Row]:
    ours, plain = loads["service", connections], loads["plain", connections]
    label = f"{connections} connection{'s' if connections > 1 else ''}"
    ratio = tuple(a.requests_per_s / b.requests_per_s for a, b in zip(ours, plain, strict=True))
    return [
        *(
            Row(
                f"{name}, {label}",
                tuple(load.requests_per_s for load in side),
                "requests/s",
                f"p50 {side[0].p50_ms:.1f} ms, p99 {side[0].p99_ms:.1f} ms, {sum(load.errors for load in side)} errors",
            )
            for name, side in (("service", ours), ("plain FastAPI + ONNX Runtime", plain))
        ),
        Row(f"ratio, {label}", ratio, "×"),
    ]


def _load(port: int, body: bytes, connections: int, seconds: float) -> Load:
    closed_loop(port, "/score", body, "application/json", connections, WARM_UP_S)
    return closed_loop(port, "/score", body, "application/json", connections, seconds)


def image_body(store: Path) -> bytes:
    """The JSON of a request with one digit."""
    buffer = io.BytesIO()
    Image.fromarray(images(open_bundle(store, "mnist-made"), 1)[0, ..., 0]).save(buffer, "PNG")
    image = base64.b64encode(buffer.getvalue()).decode()
    return json.dumps({"model": "mnist-made", "inputs": [{"image": image}]}).encode()


def _check_same_answer(ours: int, plain: int, body: bytes) -> None:
    answers = [json.loads(_load(port, body, 1, 0.1).sample) for port in (ours, plain)]
    difference = abs(answers[0]["results"][0]["log_prob"] - answers[1]["log_prob"][0])
    if difference > 1e-3:
        raise AssertionError(f"the servers disagree by {difference} nats")
