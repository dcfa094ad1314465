"""Whether a system computes what the graph computes, before and after it is driven."""

import numpy as np

from benchmarks.processes import CannotRun
from benchmarks.serving.payloads import PAYLOADS, log_prob, request
from benchmarks.serving.systems import System, ask

TOLERANCE_NATS = 1e-3  # float32 sums of 784 terms, in batches of other sizes


def check(port: int, system: System, images: np.ndarray, expected: np.ndarray) -> None:
    """Every image, uint8 (count, 28, 28, 1), in every payload, against the graph's own float32 (count,) in nats."""
    for payload in PAYLOADS:
        for image, value in zip(images, expected, strict=True):
            status, body = ask(port, request(system.dialect, payload, image), timeout_s=10)
            if status != 200:
                raise CannotRun(f"answered {payload} with {status}: {body[:200]!r}")
            check_body(body, float(value))


def check_body(body: bytes, expected: float) -> None:
    """One answer; raises CannotRun where it is not the value of the graph."""
    try:
        found = log_prob(body)
    except ValueError as error:
        raise CannotRun(str(error)) from None
    if not abs(found - expected) <= TOLERANCE_NATS:
        raise CannotRun(f"answers {found:.6f} nats where the graph has {expected:.6f}")
