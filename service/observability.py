"""One middleware that sees every request: its id, its timing, its metrics and its log line. Pure ASGI, so that a closed
connection stays visible to the routes below.
"""

import itertools
import json
import logging
import re
import secrets
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import problems
from service.metrics import Metrics
from service.trace import Trace

_log = logging.getLogger(__name__)
_access = logging.getLogger("service.access")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Observability:
    """Wraps an application; everything it needs to know comes through the trace in the scope."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, deadline_s: float, log_share: float, draining: Callable[[], bool]
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._deadline_s = deadline_s
        self._log_share = log_share
        self._draining = draining
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, and reports it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = next(self._numbers)
        trace = Trace(self._request_id(scope, number), time.monotonic() + self._deadline_s)
        scope["trace"] = trace
        start = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), *self._headers(trace)]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            _log.exception("unexpected error in request %s", trace.request_id)
            trace.rejected = problems.INTERNAL.slug
            if not status:
                response = problems.respond(problems.INTERNAL, f"see the log, request {trace.request_id}")
                await response(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - start
            self._metrics.request(_endpoint(scope, trace), trace, status or 499, seconds)
            if status >= 400 or (number * self._log_share) % 1 < self._log_share:
                _access.info("", extra={"request": _line(scope, trace, status or 499, seconds)})

    def _request_id(self, scope: Scope, number: int) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return str(value, "ascii")
        return f"{self._prefix}-{number:x}"

    def _headers(self, trace: Trace) -> list[tuple[bytes, bytes]]:
        headers = [(b"x-request-id", trace.request_id.encode())]
        if trace.seconds:
            timing = ", ".join(f"{stage};dur={seconds * 1e3:.3f}" for stage, seconds in trace.seconds.items())
            headers.append((b"server-timing", timing.encode()))
        if self._draining():
            headers.append((b"connection", b"close"))
        return headers


def _endpoint(scope: Scope, trace: Trace) -> str:
    """The path template of the route, so that the label has few values."""
    return trace.endpoint or getattr(scope.get("route"), "path", "unmatched")


def _line(scope: Scope, trace: Trace, status: int, seconds: float) -> dict[str, object]:
    line: dict[str, object] = {
        "id": trace.request_id,
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round(seconds * 1e3, 3),
    }
    if trace.model:
        line["model"] = f"{trace.model}:{trace.version}"
    if trace.rejected:
        line["reason"] = trace.rejected
    return line


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line = {"time": self.formatTime(record), "level": record.levelname.lower(), "logger": record.name}
        line |= getattr(record, "request", None) or {"message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class PlainLines(logging.Formatter):
    """Time, level and message; access lines as name=value."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """The line of a record."""
        request = getattr(record, "request", None)
        if request is not None:
            record.message = " ".join(f"{name}={value}" for name, value in request.items())
        return super().formatMessage(record)


def configure_logging(form: str, level: str) -> None:
    """Sends the log of the process to standard error in the chosen form; called by the command line only."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else PlainLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
