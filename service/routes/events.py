"""Server-sent events: what is known while a request is in work, and its answer as the last event."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pofx.errors import PofxError
from service import problems
from service.errors import ClientGone
from service.routes.patience import patiently
from service.trace import Trace

EVENTS = "text/event-stream"
_HEADERS = [(b"content-type", EVENTS.encode()), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]


class Events:
    """Where events go; the head of the answer is sent with the first one."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def tell(self, event: str, data: bytes) -> None:
        """Sends an event with one line of JSON."""
        if not self.begun:
            self.begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        body = b"event: %b\ndata: %b\n\n" % (event.encode(), data)
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        """Ends the answer."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class EventStream(Response):
    """The events that some work tells; an error before the first is an ordinary answer, later it is the last event."""

    def __init__(self, request: Request, trace: Trace, work: Callable[[Events], Awaitable[object]]) -> None:
        super().__init__()
        self._request, self._trace, self._work = request, trace, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Does the work until it is done, the deadline has passed, or the client is gone."""
        events = Events(send)
        try:
            await patiently(self._request, self._trace, self._work(events))
        except PofxError as error:
            answer = problems.rejected(self._trace, error)
            if not events.begun:
                await answer(scope, receive, send)
                return
            if not isinstance(error, ClientGone):
                await events.tell("error", bytes(answer.body))
        await events.end()
