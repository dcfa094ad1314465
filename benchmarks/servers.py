"""Servers as processes: started on a free port and one core, ready when they answer, stopped by SIGTERM."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

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
    environment = {"SERVICE_PORT": str(port), "SERVICE_STORE": str(store.resolve()), "SERVICE_ACCESS_LOG_SHARE": "0"}
    environment |= {"SERVICE_LOG_LEVEL": "warning", "PYTHONPATH": str(checkout.resolve())}
    with _process([sys.executable, "-m", "service"], environment, core, checkout):
        wait_until_ready(f"http://127.0.0.1:{port}/health/ready")
        yield port


@contextlib.contextmanager
def plain_endpoint(store: Path, core: int | None) -> Iterator[int]:
    """The endpoint that most projects would write; yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.plain_endpoint:app", "--port", str(port)]
    command += ["--log-level", "warning", "--no-access-log"]
    with _process(command, {"PLAIN_STORE": str(store)}, core):
        wait_until_ready(f"http://127.0.0.1:{port}/ready")
        yield port


@contextlib.contextmanager
def _process(
    command: list[str], environment: dict[str, str], core: int | None, folder: Path = Path()
) -> Iterator[None]:
    pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None and hasattr(os, "sched_setaffinity") else None
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, preexec_fn=pin
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_until_ready(address: str) -> None:
    """Returns when the address answers 200."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise TimeoutError(f"{address} did not answer within {_READY_TIMEOUT_S} s")
