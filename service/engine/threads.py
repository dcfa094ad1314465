"""The threads of the device, one per lane, and how work and results cross between them and the event loop.

A lane takes a turn from the policy, runs it, and begins the next steps of the requests that are through with theirs: a
sampler of a thousand steps crosses to the event loop once, at its end, however busy that loop is. A failing batch is
halved and retried until the failing request stands alone. Requests that nobody waits for, or whose deadline has passed,
are dropped when their next rows would run.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pofx.errors import GraphFailed
from service.engine.pace import Pace
from service.engine.policy import Policy, Slice, Turn
from service.engine.slots import AnySlot, Slot, assembled, distribute, has_ended
from service.engine.work import Limits
from service.errors import NotReady

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What one batch was: its model, rows, the seconds that passed, and those of device time in them."""

    model: str
    rows: int
    passed_s: float
    device_s: float


class DeviceThreads:
    """Runs steps on some lanes; ``run`` belongs to the event loop, everything private to the threads and the lock."""

    def __init__(
        self,
        limits: Limits,
        lanes: int,
        report: Callable[[BatchReport], None],
        clock: Callable[[], float] = time.perf_counter,
        pace: Pace | None = None,
    ) -> None:
        """``report`` is called in a thread of the device, once per batch; ``clock`` tells device time there.

        ``pace`` is told of every batch.
        """
        self._report, self._clock, self._pace = report, clock, pace or Pace()
        self._policy: Policy[AnySlot] = Policy(limits, lanes)
        self._arrived: list[AnySlot] = []
        self._changed = threading.Condition()
        self._closing = False
        self._busy_since: dict[int, float] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"lane-{lane}", daemon=True) for lane in range(lanes)
        ]
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Starts the threads; results are handed back to that event loop."""
        self._loop = loop
        for thread in self._threads:
            thread.start()

    def close(self, timeout_s: float = 30.0) -> None:
        """Ends the threads once everything queued has been run, or gives up on them after the timeout."""
        self._enqueue()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    @property
    def busy_s(self) -> float:
        """Seconds the oldest batch that is running has been so; 0 while idle."""
        since = min(list(self._busy_since.values()), default=None)
        return 0.0 if since is None else time.monotonic() - since

    @property
    def alive(self) -> bool:
        """Whether the threads exist."""
        return all(thread.is_alive() for thread in self._threads)

    def waiting(self) -> tuple[int, int]:
        """How many small and how many bulk requests have rows that wait for a lane."""
        with self._changed:
            return self._policy.waiting()

    async def run(self, slot: Slot[T]) -> T:
        """The result of a use; cancelling drops the rows that are not running yet."""
        if self._closing:
            raise NotReady("the service is shutting down")
        if slot.advance():
            self._submit(slot)
            await slot.future
            slot.trace.add("queue", slot.waited_s)
            slot.trace.add("device", slot.device_s)
        if slot.error is not None:
            raise slot.error
        return slot.steps.read()

    def _submit(self, slot: AnySlot) -> None:
        """What comes in one turn of the event loop goes to the device together: one lock, one wake-up for all of it."""
        self._arrived.append(slot)
        if len(self._arrived) == 1:
            slot.future.get_loop().call_soon(self._enqueue)

    def _enqueue(self) -> None:
        with self._changed:
            for slot in self._arrived:
                self._policy.add(slot)
            self._changed.notify()
        self._arrived.clear()

    # --- the threads ---------------------------------------------------------------------------------

    def _work(self, lane: int) -> None:
        going: list[AnySlot] = []
        while (turn := self._next(going)) is not None:
            report = self._run(turn, lane)
            with self._changed:
                through = self._settle(turn, report)
            going, ended = _advanced(through)
            self._hand_back([*turn.ended, *ended])
            if report is not None:
                self._report(report)

    def _next(self, going: list[AnySlot]) -> Turn[AnySlot] | None:
        """The next turn, after those steps were added; waits until there is one, and is None at the end."""
        with self._changed:
            for slot in going:
                self._policy.add(slot)
            while not (turn := self._policy.take(has_ended)):
                if self._closing and not self._policy:
                    self._changed.notify_all()
                    return None
                self._changed.wait()
            if self._policy:
                self._changed.notify()
        _note_waiting(turn.batch)
        return turn

    def _run(self, turn: Turn[AnySlot], lane: int) -> BatchReport | None:
        """What it took, if there was anything to run."""
        if not turn.batch:
            return None
        self._busy_since[lane] = time.monotonic()
        began, start = time.perf_counter(), self._clock()
        try:
            _execute(turn.batch)
        except Exception as error:  # the lane must go on whatever happens
            _log.exception("the device loop failed")
            for piece in turn.batch:
                piece.job.error = GraphFailed(f"{type(error).__name__} in the device loop")
        device_s, passed_s = self._clock() - start, time.perf_counter() - began
        del self._busy_since[lane]
        return BatchReport(turn.batch[0].job.model, turn.rows, passed_s, device_s)

    def _settle(self, turn: Turn[AnySlot], report: BatchReport | None) -> list[AnySlot]:
        """Charges a turn; the requests all of whose rows are through with their step."""
        if report is None:
            return []
        self._policy.settle(turn, report.device_s)
        self._pace.note(report.passed_s, report.device_s)
        through = []
        for piece in turn.batch:
            slot = piece.job
            slot.done += piece.rows
            slot.device_s += report.passed_s
            if slot.done == slot.rows:
                through.append(slot)
        if through and not any(slot.error for slot in through):
            through[0].price.observe(turn.rows, report.device_s)
        return through

    def _hand_back(self, ended: list[AnySlot]) -> None:
        """Resolves the futures of what has ended with one call into the event loop."""
        if not ended:
            return
        assert self._loop is not None  # noqa: S101 - the threads run only after start()
        try:
            self._loop.call_soon_threadsafe(_resolve, ended)
        except RuntimeError:
            _log.warning("%d results dropped: the event loop is closed, nobody waits any more", len(ended))


def _execute(batch: list[Slice[AnySlot]]) -> None:
    slot = batch[0].job
    graph, wanted, position = slot.key
    try:
        distribute(batch, graph.run(assembled(batch), wanted, position))
    except Exception as error:
        if len(batch) == 1:
            _log.exception("a graph failed on rows of request %s", slot.trace.request_id)
            slot.error = GraphFailed(f"the runtime failed: {type(error).__name__}")
            return
        middle = len(batch) // 2
        _execute(batch[:middle])
        _execute(batch[middle:])


def _note_waiting(batch: list[Slice[AnySlot]]) -> None:
    now = time.perf_counter()
    for piece in batch:
        if piece.start == 0:
            piece.job.waited_s += now - piece.job.waits_since


def _advanced(through: list[AnySlot]) -> tuple[list[AnySlot], list[AnySlot]]:
    """Of the requests that are through with a step, those that go on with another, and those that have ended."""
    going: list[AnySlot] = []
    ended: list[AnySlot] = []
    for slot in through:
        (going if not has_ended(slot) and slot.finish_step() else ended).append(slot)
    return going, ended


def _resolve(slots: list[AnySlot]) -> None:
    for slot in slots:
        if not slot.future.done():
            slot.future.set_result(None)
