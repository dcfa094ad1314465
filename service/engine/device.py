"""The device thread, and how work and results cross between it and the event loop.

The policy says which rows run next. A failing batch is halved and retried until the failing job stands alone. Jobs that
nobody waits for, or whose deadline has passed, are dropped when they would be dequeued.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pofx.errors import GraphFailed
from pofx.rules.arrays import Array, Arrays
from service.engine.jobs import Job, RowFunction, assembled, distribute, has_ended
from service.engine.policy import Limits, Policy, Slice
from service.errors import NotReady
from service.trace import Trace

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What one batch was: rows, work in MFLOP, and device time in seconds."""

    rows: int
    mflop: float
    seconds: float


class DeviceThread:
    """Runs batches one after the other; ``run`` belongs to the event loop, everything private to the thread."""

    def __init__(self, limits: Limits, report: Callable[[BatchReport], None]) -> None:
        """``report`` is called in the event loop, once per batch."""
        self._report = report
        self._policy: Policy[Job] = Policy(limits)
        self._arrived: list[Job] = []
        self._changed = threading.Condition()
        self._closing = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="device", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Starts the device thread; results are handed back to that event loop."""
        self._loop = loop
        self._thread.start()

    def close(self, timeout_s: float = 30.0) -> None:
        """Ends the device thread once everything queued has been run, or gives up on it after the timeout."""
        self._enqueue()
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)

    @property
    def busy_s(self) -> float:
        """Seconds the current batch has been running; 0 while idle."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def alive(self) -> bool:
        """Whether the device thread exists."""
        return self._thread.is_alive()

    async def run(
        self,
        function: RowFunction,
        arrays: Arrays,
        wanted: tuple[str, ...],
        trace: Trace,
        position: int | None = None,
    ) -> dict[str, Array]:
        """The wanted outputs for all rows; cancelling drops the rows that are not running yet."""
        future = asyncio.get_running_loop().create_future()
        rows = len(next(iter(arrays.values())))
        if self._closing:
            raise NotReady("the service is shutting down")
        job = Job((function, wanted, position), arrays, rows, trace, future, time.perf_counter())
        self._submit(job)
        outputs: dict[str, Array] = await future
        trace.add("queue", job.queue_s)
        trace.add("device", job.device_s)
        return outputs

    def _submit(self, job: Job) -> None:
        """Jobs of one turn of the event loop go to the device together: one lock and one wake-up for all of them."""
        self._arrived.append(job)
        if len(self._arrived) == 1:
            job.future.get_loop().call_soon(self._enqueue)

    def _enqueue(self) -> None:
        with self._changed:
            for job in self._arrived:
                self._policy.add(job)
            self._changed.notify()
        self._arrived.clear()

    # --- the device thread ---------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._policy and not self._closing:
                    self._changed.wait()
                if not self._policy:
                    return
                turn = self._policy.take(has_ended)
            self._run_batch(turn.batch, turn.ended)

    def _run_batch(self, batch: list[Slice[Job]], ended: list[Job]) -> None:
        self._busy_since = time.monotonic()
        start = time.perf_counter()
        for piece in batch:
            piece.job.begin(start)
        try:
            self._execute(batch)
        except Exception as error:  # the loop must go on whatever happens
            _log.exception("the device loop failed")
            for piece in batch:
                piece.job.error = GraphFailed(f"{type(error).__name__} in the device loop")
        seconds = time.perf_counter() - start
        self._busy_since = None
        for piece in batch:
            piece.job.device_s += seconds
        ended.extend(piece.job for piece in batch if piece.job.finished)
        self._hand_back(ended, _report(batch, seconds))

    def _execute(self, batch: list[Slice[Job]]) -> None:
        if not batch:
            return
        function, wanted, position = batch[0].job.key
        try:
            outputs = function.run(assembled(batch), wanted, position)
            distribute(batch, outputs)
        except Exception as error:
            if len(batch) == 1:
                _log.exception("a graph failed on rows of request %s", batch[0].job.trace.request_id)
                batch[0].job.error = GraphFailed(f"the runtime failed: {type(error).__name__}")
                return
            middle = len(batch) // 2
            self._execute(batch[:middle])
            self._execute(batch[middle:])

    def _hand_back(self, ended: list[Job], report: BatchReport) -> None:
        """Resolves the futures of a batch with one call into the event loop."""
        assert self._loop is not None  # noqa: S101 - the thread runs only after start()
        try:
            self._loop.call_soon_threadsafe(self._resolve, ended, report)
        except RuntimeError:
            _log.warning("%d results dropped: the event loop is closed, nobody waits any more", len(ended))

    def _resolve(self, jobs: list[Job], report: BatchReport) -> None:
        self._report(report)
        for job in jobs:
            if job.future.done():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.outcome())


def _report(batch: list[Slice[Job]], seconds: float) -> BatchReport:
    rows = sum(piece.rows for piece in batch)
    return BatchReport(rows, rows * batch[0].job.mflop_per_row if batch else 0.0, seconds)
