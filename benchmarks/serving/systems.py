"""The systems that are compared: what each is, and how it is started."""

import contextlib
import http.client
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.processes import started
from benchmarks.servers import free_port, service_settings
from benchmarks.serving.environments import python_of
from benchmarks.serving.payloads import PAYLOADS, Dialect, Payload, request

APPS = Path(__file__).parent / "apps"
_READY_S = 120
Kind = Literal["ours", "peer", "bound"]  # a bound is no server for models: it says what could be reached at best


@dataclass(frozen=True)
class System:
    """One of them; ``python`` is what its environment is made from, ``setup`` how it is set, for the table."""

    name: str
    title: str
    kind: Kind
    setup: str
    dialect: Dialect = "items"
    python: str = sys.executable
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def scores(self) -> bool:
        """Whether it answers with a log-density."""
        return self.kind != "bound"


OURS = System("ours", "pofx", "ours", "all statistics, p-values, limits, metrics")
PLAIN = System("fastapi", "plain FastAPI", "peer", "no batching, thread pool")
ECHO = System("echo", "echo on our HTTP stack", "bound", "reads the body, answers its length")
DIRECT = System("direct", "ONNX Runtime, no server", "bound", "batches of as many images as connections")
SYSTEMS = (
    OURS,
    PLAIN,
    System("litserve", "LitServe", "peer", "one worker, batches of 32 within 2 ms"),
    System("bentoml", "BentoML", "peer", "one worker, adaptive batches of 32"),
    System("mlserver", "MLServer", "peer", "adaptive batches of 32 within 2 ms", dialect="tensors"),
    System("mosec", "Mosec", "peer", "one worker, batches of 32 within 2 ms"),
    System(
        "ray",
        "Ray Serve",
        "peer",
        "one replica, batches of 32 within 2 ms, throughput mode",
        environment=(("RAY_SERVE_THROUGHPUT_OPTIMIZED", "1"), ("RAY_USAGE_STATS_ENABLED", "0")),
    ),
    System(
        "triton",
        "Triton (PyTriton)",
        "peer",
        "Python back end, dynamic batches of 32",
        dialect="tensors",
        python="/usr/bin/python3",  # its back end is linked with Debian's libpython3.11
    ),
    ECHO,
    DIRECT,
)


@dataclass(frozen=True)
class Place:
    """Where systems run: a store with the one bundle, its score graph as a file, environments, the server's core."""

    store: Path
    graph: Path
    environments: Path
    core: int | None

    @property
    def threads(self) -> int:
        """As many as the server has cores."""
        return 1 if self.core is not None else os.cpu_count() or 1


def interpreter(system: System, place: Place) -> Path:
    """Its Python, with its environment made if it is missing; raises CannotRun."""
    if system.kind == "peer":
        return python_of(system.name, system.python, place.environments)
    return Path(sys.executable)


@contextlib.contextmanager
def serving(system: System, place: Place, image: np.ndarray) -> Iterator[int]:
    """Starts a system, yields its port when it has answered every payload; raises CannotRun."""
    port = free_port()
    python = str(interpreter(system, place))
    if system is OURS:
        command, environment = [python, "-m", "service"], service_settings(place.store, port)
    else:
        command, environment = [python, str(APPS / f"{system.name}_app.py")], app_environment(system, place, port)
    folder = Path() if system.kind != "peer" else APPS
    with started(command, environment, place.core, folder) as running:
        for payload in PAYLOADS:
            running.wait_until(lambda payload=payload: _answers(port, system, payload, image), _READY_S)
        yield port


def app_environment(system: System, place: Place, port: int) -> dict[str, str]:
    """What an application is told."""
    return {
        "SERVING_PORT": str(port),
        "SERVING_GRAPH": str(place.graph),
        "SERVING_THREADS": str(place.threads),
        "OMP_NUM_THREADS": str(place.threads),
        "PYTHONPATH": str(Path().resolve()) if system.kind != "peer" else "",
        **dict(system.environment),
    }


def ask(port: int, sent: bytes, timeout_s: float) -> tuple[int, bytes]:
    """Status and body of the answer to a whole request."""
    head, _, body = sent.partition(b"\r\n\r\n")
    path = head.split(b" ", 2)[1].decode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    with contextlib.closing(connection):
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def _answers(port: int, system: System, payload: Payload, image: np.ndarray) -> bool:
    try:
        return ask(port, request(system.dialect, payload, image), timeout_s=10)[0] == 200
    except (OSError, http.client.HTTPException):
        return False
