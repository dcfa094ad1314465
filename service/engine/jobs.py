"""Jobs: rows that requests want computed, and how they are put into a batch and taken out of it again."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from pofx.rules.arrays import Array, Arrays
from service.engine.policy import Slice
from service.errors import DeadlineExceeded
from service.trace import Trace


class RowFunction(Protocol):
    """What the device runs: rows of named arrays in, rows of named arrays out."""

    @property
    def mflop_per_row(self) -> float:
        """Work for one row."""
        ...

    def run(self, arrays: Arrays, wanted: tuple[str, ...], position: int | None = None) -> dict[str, Array]:
        """The wanted outputs."""
        ...


Key = tuple[RowFunction, tuple[str, ...], int | None]


@dataclass(eq=False, slots=True)
class Job:
    """Rows that one request wants computed. ``taken`` rows have been put into batches so far."""

    key: Key
    arrays: Arrays
    rows: int
    trace: Trace
    future: "asyncio.Future[dict[str, Array]]"
    submitted: float
    taken: int = 0
    parts: list[dict[str, Array]] = field(default_factory=list)
    error: Exception | None = None
    device_s: float = 0.0
    queue_s: float = 0.0

    @property
    def mflop_per_row(self) -> float:
        """Work for one row."""
        return self.key[0].mflop_per_row

    @property
    def finished(self) -> bool:
        """Whether there is an outcome to hand back."""
        return self.error is not None or sum(_rows(part) for part in self.parts) == self.rows

    def begin(self, now: float) -> None:
        """Notes how long the job waited, if these are its first rows; seconds of ``time.perf_counter``."""
        if not self.parts:
            self.queue_s = now - self.submitted

    def outcome(self) -> dict[str, Array]:
        """All rows of all outputs."""
        if len(self.parts) == 1:
            return self.parts[0]
        return {name: np.concatenate([part[name] for part in self.parts]) for name in self.parts[0]}


def has_ended(job: Job) -> bool:
    """Whether a job was cancelled, has failed, or is past its deadline, which fails it."""
    if job.error is None and job.trace.deadline < time.monotonic():
        job.error = DeadlineExceeded("the deadline passed while the request was waiting for the device")
    return job.error is not None or job.future.cancelled()


def assembled(batch: list[Slice[Job]]) -> Arrays:
    """The input arrays of a batch; a single slice is not copied."""
    first = batch[0]
    if len(batch) == 1:
        return {name: array[first.start : first.stop] for name, array in first.job.arrays.items()}
    return {
        name: np.concatenate([piece.job.arrays[name][piece.start : piece.stop] for piece in batch])
        for name in first.job.arrays
    }


def distribute(batch: list[Slice[Job]], outputs: dict[str, Array]) -> None:
    """Gives every job its rows of the outputs; raises ValueError if there are more or fewer than went in."""
    rows = sum(piece.rows for piece in batch)
    if any(len(array) != rows for array in outputs.values()):
        raise ValueError(f"expected {rows} rows, got {[len(array) for array in outputs.values()]}")
    start = 0
    for piece in batch:
        stop = start + piece.rows
        piece.job.parts.append({name: array[start:stop] for name, array in outputs.items()})
        start = stop


def _rows(part: dict[str, Array]) -> int:
    return len(next(iter(part.values())))
