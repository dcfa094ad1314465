"""How long a route waits for its answer: until the deadline, or until the client is gone."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request

from pofx.errors import PofxError
from service.errors import ClientGone, DeadlineExceeded
from service.trace import Trace

T = TypeVar("T")

_WATCH_AFTER_S = 0.1  # most answers are ready sooner, and a watch costs a task


async def patiently(request: Request, trace: Trace, work: Awaitable[T]) -> T:
    """The result of the work; cancels it and raises DeadlineExceeded or ClientGone when it no longer matters."""
    watch = _Watch(request, trace.deadline)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.reason is None:
            raise
        watch.task.uncancel()
        raise watch.reason from None
    finally:
        watch.stop()


class _Watch:
    """Cancels the current task, and says why, when the client disconnects or the deadline passes."""

    def __init__(self, request: Request, deadline: float) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - routes always run in a task
        self.task = task
        self.reason: PofxError | None = None
        self._request = request
        self._deadline = deadline
        self._listener: asyncio.Task[None] | None = None
        delay = min(_WATCH_AFTER_S, deadline - time.monotonic())
        self._timer = task.get_loop().call_later(delay, self._start)

    def stop(self) -> None:
        """Ends the watch."""
        self._timer.cancel()
        if self._listener is not None:
            self._listener.cancel()

    def _start(self) -> None:
        self._listener = self.task.get_loop().create_task(self._listen())

    async def _listen(self) -> None:
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                while (await self._request.receive())["type"] != "http.disconnect":
                    pass
            self.reason = ClientGone("the client closed the connection")
        except TimeoutError:
            self.reason = DeadlineExceeded("the deadline passed before the work was done")
        self.task.cancel()
