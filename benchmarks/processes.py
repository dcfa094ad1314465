"""Servers as processes: pinned to a core, their words kept, all their descendants gone when they are stopped."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_STOP_S = 20.0


class CannotRun(Exception):
    """Why something cannot be measured here, in words for the report."""


@dataclass(frozen=True)
class Running:
    """A process and the file that its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Returns when it is ready; raises CannotRun when it ends before, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self.process.poll() is not None:
                raise CannotRun(f"ended with {self.process.returncode} while it started: {self.last_words()}")
            if time.monotonic() > deadline:
                raise CannotRun(f"was not ready after {timeout_s:.0f} s: {self.last_words()}")
            time.sleep(0.02)

    def last_words(self) -> str:
        """The last line it wrote that says something."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines()]
        return next((line for line in reversed(lines) if any(map(str.isalpha, line))), "it said nothing")[:300]


@contextlib.contextmanager
def started(
    command: list[str], environment: dict[str, str], core: int | None, folder: Path = Path()
) -> Iterator[Running]:
    """A process on one core, or on all for None; stopped by SIGTERM, and what it left behind by SIGKILL."""
    pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None and hasattr(os, "sched_setaffinity") else None
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=log, stderr=log, preexec_fn=pin
        )
        try:
            yield Running(process, Path(log.name))
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and all that it started."""
    family = descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        family |= descendants(process.pid)
        process.kill()
        process.wait()
    for pid, began in family.items():
        if _began(pid) == began:  # the number may be another process's by now
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> dict[int, int]:
    """What a process started, children of children too: process number to the time it began."""
    family: dict[int, int] = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, task.read_text().split()):
                if (began := _began(child)) is not None:
                    family |= {child: began} | descendants(child)
    return family


def _began(pid: int) -> int | None:
    """Clock ticks after the start of the machine, from field 22 of its stat; None for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None
