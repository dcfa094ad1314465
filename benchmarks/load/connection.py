"""A connection that sends prepared bytes and tells its owner of every whole answer, and of its end."""

import asyncio
from typing import Protocol, cast

from benchmarks.load import answer


class Owner(Protocol):
    """Who is told."""

    def opened(self, connection: "Connection") -> None:
        """It can send."""

    def answered(self, connection: "Connection", found: answer.Answer) -> None:
        """The answer to what it sent last."""

    def lost(self, connection: "Connection") -> None:
        """It is closed, by whichever side."""


class Connection(asyncio.Protocol):
    """One request at a time; ``since`` is when it was asked for, None while none is under way."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.since: float | None = None
        self._buffer = b""

    def send(self, request: bytes, since: float) -> None:
        """Sends, for a request whose latency counts from that time."""
        self.since = since
        self.transport.write(request)

    def close(self) -> None:
        """Ends it."""
        self.transport.close()

    def abort(self) -> None:
        """Ends it at once, whatever is under way."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tells the owner."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self.owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Tells the owner when the answer is whole."""
        self._buffer = self._buffer + data if self._buffer else data
        found = answer.read(self._buffer)
        if found is not None:
            self._buffer = b""
            self.owner.answered(self, found)

    def connection_lost(self, error: Exception | None) -> None:
        """Tells the owner."""
        self.owner.lost(self)
