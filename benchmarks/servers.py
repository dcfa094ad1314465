"""The service as a process: started on a free port and one core, ready when it answers."""

import contextlib
import json
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import started

_READY_TIMEOUT_S = 60


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def service(store: Path, core: int | None, checkout: Path = Path()) -> Iterator[int]:
    """The service of a checkout, this one by default, on a store; yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "service"]
    with started(command, service_settings(store, port, checkout), core, checkout) as running:
        address = f"http://127.0.0.1:{port}/health/ready"
        running.wait_until(lambda: _answers(address), _READY_TIMEOUT_S)
        yield port


def sides(store: Path, other: Path | None) -> list[tuple[str, Path, Path]]:
    """Name, bundles and checkout of each service that is measured: this one, and that of another checkout if given."""
    here = ("here", store, Path())
    return [here] if other is None else [here, ("other", other.resolve() / "models", other.resolve())]


def ask(port: int, path: str, body: bytes, media: str = "application/json", timeout_s: float = 120) -> tuple[int, str]:
    """The status of the answer to a POST, and what a refusal says."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": media})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            answer.read()
            return int(answer.status), ""
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def generate(port: int, model: str, n: int, timeout_s: float = 120) -> tuple[int, str]:
    """The same for samples of a model."""
    return ask(port, "/generate", json.dumps({"model": model, "n": n, "seed": n}).encode(), timeout_s=timeout_s)


def service_settings(store: Path, port: int, checkout: Path = Path()) -> dict[str, str]:
    """The environment of a service that is measured."""
    return {
        "SERVICE_PORT": str(port),
        "SERVICE_STORE": str(store.resolve()),
        "SERVICE_ACCESS_LOG_SHARE": "0",
        "SERVICE_LOG_LEVEL": "warning",
        "PYTHONPATH": str(checkout.resolve()),
    }


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
