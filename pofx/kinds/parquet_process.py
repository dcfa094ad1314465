"""The parent's side of the process that reads Parquet files of strangers; see ``parquet_worker.py``."""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Event, Lock, Timer
from typing import Any

from pofx.errors import RequestInvalid, TooLarge

TIMEOUT_S = 20.0  # for one job
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
_MAX_FOOTER_BYTES = 1024 * 1024
_PIPE_BYTES = 1024 * 1024  # the usual 64 KiB would wake parent and child in turn a hundred times for a larger file
_MAGIC = b"PAR1"
_COMMAND = (sys.executable, "-P", str(Path(__file__).with_name("parquet_worker.py")))
_SETTINGS = ("PATH", "PYTHONPATH", "PYTHONHOME", "HOME", "LD_LIBRARY_PATH", "SYSTEMROOT")

Child = subprocess.Popen[bytes]
Said = dict[str, Any]


def worker() -> "ParquetProcess":
    """The one of this process; a fork has its own."""
    return _worker(os.getpid())


@cache
def _worker(_: int) -> "ParquetProcess":
    made = ParquetProcess(_COMMAND, TIMEOUT_S)
    atexit.register(made.close)
    return made


class ParquetProcess:
    """A child that answers one job at a time, started when it is needed, and again when it died or was stopped."""

    def __init__(self, command: tuple[str, ...], timeout_s: float) -> None:
        self._command, self._timeout_s = command, timeout_s
        self._lock = Lock()
        self._child: Child | None = None

    def look(self, content: bytes) -> tuple[int, bytes]:
        """The number of rows of a file, and its schema in Arrow's form; raises RequestInvalid or TooLarge."""
        _check_ends(content)
        said, schema = self._ask("look", content)
        return said["rows"], schema

    def read(self, content: bytes) -> bytes:
        """The table in a file as an Arrow stream; raises RequestInvalid or TooLarge."""
        _, stream = self._ask("read", content)
        return stream

    def close(self) -> None:
        """Ends the child."""
        with self._lock:
            self._stop()

    def _ask(self, job: str, content: bytes) -> tuple[Said, bytes]:
        asked = {"job": job, "bytes": len(content), "most": MAX_UNPACKED_BYTES}
        with self._lock:
            said, body = self._answer(asked, content)
        if "refused" in said:
            raise RequestInvalid(said["refused"])
        if "too_large" in said:
            raise TooLarge(f"Parquet: {said['too_large']}")
        return said, body

    def _answer(self, asked: Said, content: bytes) -> tuple[Said, bytes]:
        """The child's answer; a child that gives none is stopped, and RequestInvalid or TooLarge raised."""
        while True:
            child, fresh = self._running()
            with _killed_after(child, self._timeout_s) as late:
                answer = _exchange(child, asked, content)
            if answer is not None:
                return answer
            self._stop()
            if late.is_set():
                raise TooLarge(f"Parquet: reading it takes more than {self._timeout_s:g} s")
            if fresh:  # another one may have died before it was asked
                raise damaged("it cannot be read")

    def _running(self) -> tuple[Child, bool]:
        """The child, and whether it was started just now."""
        if self._child is not None and self._child.poll() is None:
            return self._child, False
        self._stop()
        self._child = subprocess.Popen(  # noqa: S603 - this interpreter and a file beside this one
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            pipesize=_PIPE_BYTES,
            start_new_session=True,
        )
        return self._child, True

    def _stop(self) -> None:
        if self._child is not None:
            child, self._child = self._child, None
            child.kill()
            for pipe in filter(None, (child.stdin, child.stdout)):
                with suppress(OSError):  # what could not be sent
                    pipe.close()
            child.wait()


def _exchange(child: Child, asked: Said, content: bytes) -> tuple[Said, bytes] | None:
    """What the child answers, None if it died or talks nonsense."""
    assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - both are pipes
    try:
        child.stdin.write(json.dumps(asked).encode() + b"\n")
        child.stdin.write(content)
        child.stdin.flush()
        said: Said = json.loads(child.stdout.readline())
        body = child.stdout.read(said["bytes"])
    except (OSError, ValueError):
        return None
    return (said, body) if len(body) == said["bytes"] else None


@contextmanager
def _killed_after(child: Child, seconds: float) -> Iterator[Event]:
    """The child is killed if the block takes longer; the event says whether it was."""
    late = Event()

    def kill() -> None:
        late.set()
        child.kill()

    timer = Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _environment() -> dict[str, str]:
    """What the child needs to know; the other allocators of Arrow reserve far more addresses than they use."""
    told = {name: os.environ[name] for name in _SETTINGS if name in os.environ}
    return {**told, "ARROW_DEFAULT_MEMORY_POOL": "system"}


def _check_ends(content: bytes) -> None:
    """Raises RequestInvalid or TooLarge for what need not be passed on."""
    size = int.from_bytes(content[-8:-4], "little")
    if len(content) < 12 or content[:4] != _MAGIC or content[-4:] != _MAGIC or size > len(content) - 12:
        raise RequestInvalid("not a Parquet file, or a truncated one")
    if size > _MAX_FOOTER_BYTES:
        raise TooLarge(f"Parquet: the footer has {size} bytes, at most {_MAX_FOOTER_BYTES}")


def damaged(how: str) -> RequestInvalid:
    """The refusal of a damaged file."""
    return RequestInvalid(f"the Parquet file is truncated or damaged: {how}")
