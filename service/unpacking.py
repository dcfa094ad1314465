"""Request bodies that were packed for the way (Content-Encoding), and requests below a prefix. Pure ASGI."""

import zlib
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pofx.errors import MediaUnsupported, RequestInvalid, TooLarge
from service import problems

_WINDOW = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_IDENTITY = (b"", b"identity")


class Unpacked:
    """Unpacks gzip and deflate as the body arrives, up to a number of bytes; any other coding is answered 415."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on as if it had never been packed."""
        coding = _coding(scope)
        if coding in _IDENTITY:
            await self._app(scope, receive, send)
            return
        if coding not in _WINDOW:
            known = ["gzip", "deflate"]
            words = (
                f"expected the Content-Encoding {' or '.join(known)}, or none, got {coding.decode('latin-1')[:40]!r}"
            )
            await problems.rejected(scope["trace"], MediaUnsupported(words, supported=known))(scope, receive, send)
            return
        packed = ("content-encoding", "content-length")
        headers = [item for item in scope["headers"] if item[0].decode("latin-1") not in packed]
        unpacking = _Unpacking(receive, zlib.decompressobj(_WINDOW[coding]), self._max_bytes)
        await self._app({**scope, "headers": headers}, unpacking, send)


class _Unpacking:
    """The messages of a packed body, unpacked; raises TooLarge or RequestInvalid."""

    def __init__(self, receive: Receive, stream: Any, max_bytes: int) -> None:
        self._receive, self._stream, self._left = receive, stream, max_bytes
        self._max_bytes = max_bytes

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        body = self._unpacked(message.get("body", b""))
        if not message.get("more_body") and not self._stream.eof:
            raise RequestInvalid("the packed body is truncated")
        return {**message, "body": body}

    def _unpacked(self, packed: bytes) -> bytes:
        try:
            body: bytes = self._stream.decompress(packed, self._left + 1)
        except zlib.error as error:
            raise RequestInvalid(f"the body is not packed as its Content-Encoding says: {error}") from error
        self._left -= len(body)
        if self._left < 0:
            raise TooLarge(f"the unpacked body is larger than {self._max_bytes} bytes", max_body_bytes=self._max_bytes)
        return body


def _coding(scope: Scope) -> bytes:
    if scope["type"] != "http":
        return b""
    found = [value for name, value in scope["headers"] if name == b"content-encoding"]
    return b",".join(found).strip().lower()


class HeadAsGet:
    """Answers HEAD as GET without the body, for probes and monitors that ask so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on as GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


class Prefix:
    """Serves below a path that a proxy leaves in front of it, and without it as well."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with the path that routes know."""
        path = scope.get("path", "")
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            scope = {**scope, "path": path[len(self._prefix) :] or "/"}
        await self._app(scope, receive, send)
