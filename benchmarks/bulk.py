"""A thousand images in one npy body against ONNX Runtime called on the same array in this process."""

import io
import time
import urllib.request
from pathlib import Path

import numpy as np

from benchmarks.bundles import images, open_bundle, session
from benchmarks.servers import service
from benchmarks.table import Row

ITEMS, REPEATS = 1000, 15


def measure(store: Path) -> list[Row]:
    """Milliseconds of both, alternating, on all cores, and the share of direct speed that is left over HTTP."""
    opened = open_bundle(store, "mnist-made")
    array = images(opened, ITEMS)
    buffer = io.BytesIO()
    np.save(buffer, array)
    direct = session(opened, "score", threads=2)
    direct_ms, service_ms = [], []
    with service(store, None) as port:
        for repeat in range(-2, REPEATS):  # the first two warm up
            seconds, expected = _timed(lambda: direct.run(["log_prob"], {"image": array})[0])
            http_seconds, answer = _timed(lambda: post(port, buffer.getvalue()))
            np.testing.assert_allclose(answer["log_prob"], expected, atol=1e-3, rtol=1e-5)
            if repeat >= 0:
                direct_ms.append(1000 * seconds)
                service_ms.append(1000 * http_seconds)
    share = tuple(100 * a / b for a, b in zip(direct_ms, service_ms, strict=True))
    return [
        Row("ONNX Runtime, one call", tuple(direct_ms), "ms", "2 threads"),
        Row("service, npy in, npy out", tuple(service_ms), "ms", "p-values included"),
        Row("share of direct speed", share, "%"),
    ]


def _timed(run):
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


def post(port: int, body: bytes) -> np.ndarray:
    """The answer to one npy body."""
    headers = {"Content-Type": "application/x-npy", "Accept": "application/x-npy"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/score?model=mnist-made", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return np.load(io.BytesIO(answer.read()), allow_pickle=False)
