"""HTTP/1.1 as clients really speak it: with offers of other protocols, and with their sending side closed early."""

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HALF_CLOSED_S = 1.0
_OFFER = re.compile(rb"\r\nupgrade:[ \t]*(?!websocket)[^\r\n]*", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class PlainHttp(HttpToolsProtocol):
    """Ignores an offer to upgrade, as RFC 9110, section 7.8 allows; every Java client makes one (h2c) and goes on in
    HTTP/1.1 when it is not taken. The parser would stop at the head of such a request and lose its body.

    A client that has closed its sending side may still wait for the answer (``nc -N``, some proxies), or may be gone:
    that cannot be told apart. So what is ready within a second is sent, and then nobody waits any more.
    """

    _in_head = True

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, without the offers in the head of a request."""
        if b"pgrade" not in data:
            super().data_received(data)
            return
        while data and self.parser is not None:
            piece, data = self._piece(data)
            super().data_received(piece)

    def _piece(self, data: bytes) -> tuple[bytes, bytes]:
        """The head, without offers, or the body at the beginning of the data, and the rest."""
        if not self._in_head:
            length = next((int(value) for name, value in self.headers if name == b"content-length"), len(data))
            return data[:length], data[length:]
        end = data.find(_END_OF_HEAD)
        stop = len(data) if end < 0 else end
        return _OFFER.sub(b"", data[:stop]) + data[stop : stop + len(_END_OF_HEAD)], data[stop + len(_END_OF_HEAD) :]

    def on_headers_complete(self) -> None:
        """What follows is the body."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What follows is the head of the next request."""
        self._in_head = True
        super().on_message_complete()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keeps the connection open for a moment while an answer is on its way."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        self.cycle.keep_alive = False
        self.loop.call_later(_HALF_CLOSED_S, self.transport.close)
        return True
