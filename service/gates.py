"""What a request must pass before any route sees it: the API key, and the size of its body. Pure ASGI."""

import hashlib
import hmac
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pofx.errors import PofxError, TooLarge
from service import problems
from service.errors import Unauthorized

OPEN_PATHS = frozenset({"/health/live", "/health/ready", "/docs", "/openapi.json"})
"""What a browser must get before a person can enter a key; nothing there says which models there are."""

_OPEN_BELOW = "/docs/static/"


def is_open(path: str) -> bool:
    """Whether a path needs no key."""
    return path in OPEN_PATHS or path.startswith(_OPEN_BELOW)


class ApiKeys:
    """Denies by default: without a valid key only open paths are reachable, whatever routes exist.

    Where there are keys, the scope of a request holds a digest of its own as ``caller``.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app = app
        self._digests = [_digest(key.encode()) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 401."""
        if scope["type"] != "http" or not self._digests or is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        given = _digest(_given_key(dict(scope["headers"])))
        if self._is_valid(given):
            scope["caller"] = given
            await self._app(scope, receive, send)
            return
        await _refuse(Unauthorized("send Authorization: Bearer <key> or X-API-Key: <key>"), scope, receive, send)

    def _is_valid(self, given: bytes) -> bool:
        return sum(hmac.compare_digest(given, digest) for digest in self._digests) > 0  # always compares all


class BodyLimit:
    """Refuses a body by its declared length at once, and one without a length as soon as it has sent too much."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with a counted body, or answers 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > self._max_bytes:
            await _refuse(self._error(), scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise self._error()
            return message

        await self._app(scope, counted, send)

    def _error(self) -> TooLarge:
        return TooLarge(f"the body is larger than {self._max_bytes} bytes", max_body_bytes=self._max_bytes)


async def _refuse(error: PofxError, scope: Scope, receive: Receive, send: Send) -> None:
    await problems.rejected(scope["trace"], error)(scope, receive, send)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _given_key(headers: dict[bytes, bytes]) -> bytes:
    scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
