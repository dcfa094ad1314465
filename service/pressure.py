"""How many requests may be inside at once, so that none of them waits long for the event loop and the others.

The device's time is admitted by what work costs (``engine/admission``); what this process does for a request beside that,
reading and writing it, has no price list. So the bound follows what is seen: it shrinks when requests wait for longer
than they should, and grows again slowly while they do not (additive increase, additive decrease per request: about one
request in 25 may wait longer than that). More than the bound is refused before it is read, which costs a fortieth of an
answer.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from service.trace import Trace

_LEAST, _MOST = 4.0, 256.0
_MORE, _LESS = 0.02, 0.5


@dataclass
class Pressure:
    """Belongs to the event loop. ``patience_s`` is how long a request should wait at most, beside its device time.

    ``elsewhere`` tells how many of those inside only wait for the device, as bulk work; ``bulk_s`` is the device time
    beyond which a request is such. ``refused`` is called for each that is turned away.
    """

    patience_s: float
    bulk_s: float
    elsewhere: Callable[[], int]
    refused: Callable[[str], None]
    clock: Callable[[], float] = time.perf_counter
    inside: int = 0
    limit: float = field(default=_MOST / 4)

    @property
    def full(self) -> bool:
        """Whether another one would wait too long."""
        return self.inside - self.elsewhere() >= self.limit

    def enter(self) -> float:
        """Counts one that comes in; when that is."""
        self.inside += 1
        return self.clock()

    def leave(self, since: float, trace: Trace | None) -> None:
        """Counts one that was answered, and learns from how long it waited."""
        near = self.inside - self.elsewhere() > self.limit / 2
        self.inside -= 1
        device_s = trace.seconds.get("device", 0.0) if trace is not None else 0.0
        if device_s > self.bulk_s:
            return
        if self.clock() - since - device_s > self.patience_s:
            self.limit = max(_LEAST, self.limit - _LESS)
        elif near:
            self.limit = min(_MOST, self.limit + _MORE)
