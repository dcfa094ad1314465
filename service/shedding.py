"""Turns requests away before they are parsed, while there are too many inside."""

import itertools
import json
import re
import secrets
from typing import ClassVar

from service import problems
from service.errors import Overloaded
from service.pressure import Pressure
from service.protocol import PlainHttp

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_PATH = re.compile(rb"POST (/[a-z]+)[? ]")
_RETRY_AFTER_S = 1
_KIND = problems.TABLE[Overloaded]
_BODY = json.dumps(
    {
        "type": f"urn:pofx:problem:{_KIND.slug}",
        "title": _KIND.title,
        "status": _KIND.status,
        "detail": "more requests are coming in than can be answered soon; try again later",
        "retry_after_s": _RETRY_AFTER_S,
    }
).encode()
_HEAD = (
    f"HTTP/1.1 {_KIND.status} Too Many Requests\r\ncontent-type: {problems.MEDIA_TYPE}\r\n"
    f"content-length: {len(_BODY)}\r\nretry-after: {_RETRY_AFTER_S}\r\nx-request-id: "
).encode()


class SheddingHttp(PlainHttp):
    """Answers 429 without looking further while ``pressure`` is full; only what came as a whole and by itself.

    The rest, large bodies among it, goes the usual way: it is rare, or refused by what it costs.
    """

    pressure: ClassVar[Pressure]
    _numbers = itertools.count(1)
    _prefix = secrets.token_hex(4).encode()
    _read = True
    _since: float | None = None

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, unless the request is turned away."""
        between = self._read and self._since is None
        if between and self.pressure.full and (path := _whole_post(data)) is not None:
            self._turn_away(path)
        else:
            super().data_received(data)

    def _turn_away(self, path: str) -> None:
        self.pressure.refuse(path)
        number = b"%s-r%x" % (self._prefix, next(self._numbers))
        self.transport.write(b"".join((_HEAD, number, b"\r\n\r\n", _BODY)))

    def on_message_begin(self) -> None:
        """From now on what comes belongs to a request."""
        self._read = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """One more is inside; a connection counts once, even if it does not wait for the answer before."""
        if self._since is None:
            self._since = self.pressure.enter()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request has been read."""
        self._read = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """One less is inside."""
        if self._since is not None:
            self.pressure.leave(self._since, self.cycle.scope.get("trace"))  # type: ignore[arg-type]
            self._since = None
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        if self._since is not None:
            self.pressure.inside -= 1
            self._since = None
        super().connection_lost(exc)


def shedding(pressure: Pressure) -> type[SheddingHttp]:
    """The protocol of a server with that bound."""
    return type("Shedding", (SheddingHttp,), {"pressure": pressure})


def _whole_post(data: bytes) -> str | None:
    """The path of a request that the data are, head and body and nothing else; None if they are not."""
    path = _PATH.match(data)
    end = data.find(b"\r\n\r\n")
    length = _LENGTH.search(data, 0, end) if path and end > 0 else None
    if path is None or length is None or len(data) - end - 4 != int(length[1]):
        return None
    return path[1].decode()
