"""Requests that come when they come: each waits for a free connection, and its latency counts from its own time."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Line = TypeVar("Line", bound=Hashable)


class Pool(Generic[Line]):
    """Who sends what when; knows neither sockets nor a clock, so that a simulation can drive it.

    A request is due at the time that was drawn for it, whether or not the server has answered earlier ones. Without a
    free connection it waits here, and that wait is in its latency: a server that stalls cannot slow the arrivals that
    would have shown it (no coordinated omission).
    """

    def __init__(self, send: Callable[[Line, float], None]) -> None:
        self._send = send
        self._free: list[Line] = []
        self._waiting: deque[float] = deque()
        self._under_way: dict[Line, float] = {}
        self.latencies: list[float] = []
        self.late: list[float] = []
        self.good_latencies: list[float] = []
        self.good = self.errors = self.refused = 0

    def freed(self, line: Line) -> None:
        """A connection that can send; it takes what has waited longest."""
        if self._waiting:
            self._start(line, self._waiting.popleft())
        else:
            self._free.append(line)

    def due(self, intended: float, now: float) -> None:
        """A request whose time was ``intended``; the connection used last takes it, as in a pool of connections."""
        if self._free:
            self.late.append(now - intended)
            self._start(self._free.pop(), intended)
        else:
            self._waiting.append(intended)

    def answered(self, line: Line, now: float, good: bool, refused: bool = False) -> None:
        """The answer has come; the connection is free."""
        self.latencies.append(now - self._under_way.pop(line))
        if good:
            self.good_latencies.append(self.latencies[-1])
        self.good += good
        self.errors += not good
        self.refused += refused
        self.freed(line)

    def lost(self, line: Line, now: float) -> None:
        """The connection is gone, and the request that was on it failed."""
        if line in self._free:
            self._free.remove(line)
        if line in self._under_way:
            self.errors += 1
            self.latencies.append(now - self._under_way.pop(line))

    def give_up(self, now: float) -> None:
        """What has no answer yet failed; its latency until now stays in, being at least that."""
        unanswered = [*self._under_way.values(), *self._waiting]
        self.latencies += [now - intended for intended in unanswered]
        self.errors += len(unanswered)
        self._under_way.clear()
        self._waiting.clear()

    @property
    def empty(self) -> bool:
        """Whether everything that was due has been answered."""
        return not self._waiting and not self._under_way

    def _start(self, line: Line, intended: float) -> None:
        self._under_way[line] = intended
        self._send(line, intended)
