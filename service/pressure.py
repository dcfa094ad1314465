"""How many requests may be inside at once, so that none of them waits long for the event loop and the others.

The time of the device is admitted by what work costs (``engine/admission``); what this process does for a request
beside that, reading and writing it, has no price list. So the bound follows what is seen. A client of ``_CALM``
connections that waits for its answers can never have more inside, and is always let in. Where more come, some are
refused before they are read, which costs a fraction of an answer; while that goes on, the bound is lowered by a tenth
when a request waited for longer than it should, though not more often than that, and raised slowly while none does.
A second after the last refusal the bound is what it was.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from service.trace import Trace

_LEAST, _CALM, _MOST = 32.0, 64.0, 256.0
_CALM_S = 1.0
_MORE, _LESS = 0.02, 0.9
_TICK_S = 0.01
_LATE = 1 / 3  # of the patience: what is ready waits for one round of the loop to be seen, and for others inside


@dataclass
class Pressure:
    """Belongs to the event loop. ``patience_s`` is how long a request should wait at most, beside its device time.

    ``elsewhere`` tells how many of those inside only wait for the device, as bulk work; ``bulk_s`` is the device time
    beyond which a request is such. ``refused`` is called with the path of each that is turned away.
    """

    patience_s: float
    bulk_s: float
    elsewhere: Callable[[], int]
    refused: Callable[[str], None]
    clock: Callable[[], float] = time.perf_counter
    inside: int = 0
    limit: float = _CALM
    _lowered: float = -math.inf
    _refused: float = -math.inf

    @property
    def full(self) -> bool:
        """Whether another one would wait too long."""
        return self.inside - self.elsewhere() >= self.limit

    def refuse(self, path: str) -> None:
        """Counts one that is turned away."""
        self._refused = self.clock()
        self.refused(path)

    def enter(self) -> float:
        """Counts one that comes in; when that is."""
        now = self.clock()
        if not self._refuses(now):
            self.limit = max(self.limit, _CALM)
        self.inside += 1
        return now

    def leave(self, since: float, trace: Trace | None) -> None:
        """Counts one that was answered, and learns from how long it waited."""
        used = self.inside - self.elsewhere() > self.limit / 2
        self.inside -= 1
        device_s = trace.seconds.get("device", 0.0) if trace is not None else 0.0
        if device_s > self.bulk_s:
            return
        now = self.clock()
        if now - since - device_s <= self.patience_s:
            self.limit = min(_MOST, self.limit + _MORE) if used else self.limit
        elif since > self._lowered:  # it came in under the bound as it is now
            self._lower(now)

    def watch(self, loop: asyncio.AbstractEventLoop, due: float | None = None) -> None:
        """From now on learns also from how late the loop is, since what it has not seen yet waits too."""
        now = loop.time()
        if due is not None and now - due > _LATE * self.patience_s and self.clock() - self._lowered > self.patience_s:
            self._lower(self.clock())
        loop.call_later(_TICK_S, self.watch, loop, now + _TICK_S)

    def _lower(self, now: float) -> None:
        if self._refuses(now):
            self.limit, self._lowered = max(_LEAST, self.limit * _LESS), now

    def _refuses(self, now: float) -> bool:
        """Whether some were turned away lately."""
        return now - self._refused < _CALM_S
