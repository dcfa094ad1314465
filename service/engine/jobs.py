"""Jobs of the batcher, and how their rows are shared out over batches and put together again."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from pofx.rules.arrays import Array, Arrays
from service.errors import DeadlineExceeded
from service.trace import Trace


class RowFunction(Protocol):
    """What the batcher runs: rows of named arrays in, rows of named arrays out."""

    @property
    def mflop_per_row(self) -> float:
        """Work for one row."""
        ...

    def run(self, arrays: Arrays, wanted: tuple[str, ...]) -> dict[str, Array]:
        """The wanted outputs."""
        ...


Key = tuple[RowFunction, tuple[str, ...]]


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
    def finished(self) -> bool:
        """Whether there is an outcome to hand back."""
        return self.error is not None or sum(_rows(part) for part in self.parts) == self.rows

    def outcome(self) -> dict[str, Array]:
        """All rows of all outputs."""
        if len(self.parts) == 1:
            return self.parts[0]
        return {name: np.concatenate([part[name] for part in self.parts]) for name in self.parts[0]}


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows start to stop of a job, as part of one batch."""

    job: Job
    start: int
    stop: int


def remove_ended(queue: deque[Job]) -> list[Job]:
    """Takes out the jobs that were cancelled, have failed, or are past their deadline."""
    now = time.monotonic()
    ended = []
    for job in list(queue):
        if job.trace.deadline < now and job.error is None:
            job.error = DeadlineExceeded("the deadline passed while the request was waiting for the device")
        if job.error is not None or job.future.cancelled():
            queue.remove(job)
            ended.append(job)
    return ended


def shares(queue: deque[Job], room: int) -> list[tuple[Job, int]]:
    """Rows per job: in order, at most half of the rest while others wait; then what is left over, in order."""
    shares: dict[Job, int] = {}
    for place, job in enumerate(queue):
        if room == 0:
            break
        others_wait = place + 1 < len(queue)
        share = min(job.rows - job.taken, max(1, room // 2) if others_wait else room)
        shares[job] = share
        room -= share
    for job, share in shares.items():
        more = min(room, job.rows - job.taken - share)
        shares[job] += more
        room -= more
    return list(shares.items())


def next_slice(job: Job, count: int) -> Slice:
    """The next rows of a job, which count as taken from now on."""
    if job.taken == 0:
        job.queue_s = time.perf_counter() - job.submitted
    job.taken += count
    return Slice(job, job.taken - count, job.taken)


def assembled(batch: list[Slice]) -> Arrays:
    """The input arrays of a batch; a single slice is not copied."""
    first = batch[0]
    if len(batch) == 1:
        return {name: array[first.start : first.stop] for name, array in first.job.arrays.items()}
    return {
        name: np.concatenate([piece.job.arrays[name][piece.start : piece.stop] for piece in batch])
        for name in first.job.arrays
    }


def distribute(batch: list[Slice], outputs: dict[str, Array]) -> None:
    """Gives every job its rows of the outputs; raises ValueError if there are more or fewer than went in."""
    rows = sum(piece.stop - piece.start for piece in batch)
    if any(len(array) != rows for array in outputs.values()):
        raise ValueError(f"expected {rows} rows, got {[len(array) for array in outputs.values()]}")
    start = 0
    for piece in batch:
        stop = start + piece.stop - piece.start
        piece.job.parts.append({name: array[start:stop] for name, array in outputs.items()})
        start = stop


def _rows(part: dict[str, Array]) -> int:
    return len(next(iter(part.values())))
