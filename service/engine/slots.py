"""Slots: uses under way on the device, with the arrays of their current step and what came back of it.

A request keeps its own arrays. A step of rows of one request is computed from a view of them, and nothing is copied;
rows of several are put together for the step and taken apart after it.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from pofx.errors import GraphFailed, PofxError
from pofx.graphs.rows import RowGraph
from pofx.rules.arrays import Array, Arrays
from pofx.use.steps import Steps
from service.engine.policy import Slice
from service.engine.prices import Price
from service.errors import DeadlineExceeded
from service.trace import Trace

T = TypeVar("T")

Key = tuple[RowGraph, tuple[str, ...], int | None]
"""Graph, wanted outputs, and the position where all rows of a step must stand alike."""


@dataclass(eq=False, slots=True)
class Slot(Generic[T]):
    """One use under way. ``calls`` are the steps that its rows are expected to take; times in seconds.

    Between two steps it belongs to the event loop that made it, or to the lane that ran its last rows.
    """

    steps: Steps[T]
    trace: Trace
    future: "asyncio.Future[None]"
    price: Price
    expected_s: float
    calls: float = 1.0
    arrays: Arrays = field(default_factory=dict)
    key: Key = field(init=False)
    rows: int = 0
    taken: int = 0
    done: int = 0
    outputs: dict[str, Array] = field(default_factory=dict)
    error: Exception | None = None
    number: int = 0
    used_s: float = 0.0
    device_s: float = 0.0
    waited_s: float = 0.0
    waits_since: float = 0.0

    @property
    def model(self) -> str:
        """Whose share it uses."""
        return self.trace.model

    @property
    def progress(self) -> float:
        """How much of the work is done, from 0 to 1: that of the steps, and of the rows within the current one."""
        within = self.done / self.rows / self.calls if self.rows else 0.0
        return min(1.0, self.steps.progress + (within if self.done < self.rows else 0.0))

    def advance(self) -> bool:
        """Begins the next step, and says whether there is one; an error ends the slot."""
        try:
            arrays = self.steps.next()
        except Exception as error:
            self.error = _as_ours(error)
            return False
        if arrays is None:
            return False
        self.arrays, self.rows = arrays, len(next(iter(arrays.values())))
        self.key = (self.steps.graph, self.steps.wanted, self.steps.position)
        self.taken = self.done = 0
        self.outputs = {}
        self.waits_since = time.perf_counter()
        return True

    def finish_step(self) -> bool:
        """Takes what came back of all rows, and begins the next step; whether there is one."""
        outputs, self.outputs = self.outputs, {}
        try:
            self.steps.take(outputs)
        except Exception as error:
            self.error = _as_ours(error)
            return False
        return self.advance()

    def keep(self, piece: "Slice[Slot[T]]", outputs: dict[str, Array]) -> None:
        """Keeps what came back of some rows."""
        if piece.rows == self.rows:
            self.outputs = outputs
        else:
            for name, array in outputs.items():
                self._place(name, array)[piece.start : piece.stop] = array

    def _place(self, name: str, part: Array) -> Array:
        return self.outputs.setdefault(name, np.empty((self.rows, *part.shape[1:]), part.dtype))


AnySlot = Slot[Any]


def has_ended(slot: AnySlot) -> bool:
    """Whether a request was cancelled, has failed, or is past its deadline, which fails it."""
    if slot.error is None and slot.trace.deadline < time.monotonic():
        slot.error = DeadlineExceeded("the deadline passed while the request was waiting for the device")
    return slot.error is not None or slot.future.done()


def assembled(batch: list[Slice[AnySlot]]) -> Arrays:
    """The input arrays of a batch; a single slice is not copied."""
    first = batch[0]
    if len(batch) == 1:
        return {name: array[first.start : first.stop] for name, array in first.job.arrays.items()}
    return {
        name: np.concatenate([piece.job.arrays[name][piece.start : piece.stop] for piece in batch])
        for name in first.job.arrays
    }


def distribute(batch: list[Slice[AnySlot]], outputs: dict[str, Array]) -> None:
    """Gives every request its rows of the outputs; raises ValueError if there are more or fewer than went in."""
    rows = sum(piece.rows for piece in batch)
    if any(len(array) != rows for array in outputs.values()):
        raise ValueError(f"expected {rows} rows, got {[len(array) for array in outputs.values()]}")
    start = 0
    for piece in batch:
        stop = start + piece.rows
        piece.job.keep(piece, {name: array[start:stop] for name, array in outputs.items()})
        start = stop


def _as_ours(error: Exception) -> Exception:
    return error if isinstance(error, PofxError) else GraphFailed(f"the sampler failed: {type(error).__name__}")
