"""How much work may be pending: one rule for bulk and single requests, applied before anything is decoded."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pofx.errors import TooLarge
from service.errors import Overloaded

_LONGEST_RETRY_S = 60
_MEMORY = 0.9  # weight of the past in the moving average of the throughput


@dataclass
class Admission:
    """Pending work and its bound, in MFLOP. Belongs to the event loop; no other thread touches ``pending``."""

    bound: float
    pending: float = 0.0
    requests: int = 0
    mflop_per_s: float = 0.0

    @contextmanager
    def ticket(self, mflop: float) -> Iterator[None]:
        """Holds a place for that much work; raises Overloaded, or TooLarge for what can never fit."""
        if mflop > self.bound:
            raise TooLarge(
                f"this request is {mflop:.0f} MFLOP of work, the service admits {self.bound:.0f}; send smaller requests"
            )
        if self.pending + mflop > self.bound:
            raise Overloaded(
                f"{self.pending:.0f} of {self.bound:.0f} MFLOP are pending; try again later", self._retry_after_s()
            )
        self.pending += mflop
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1
            self.pending = self.pending - mflop if self.requests else 0.0  # so that rounding never adds up

    def observe(self, mflop: float, seconds: float) -> None:
        """Learns the throughput from one batch."""
        measured = mflop / max(seconds, 1e-9)
        self.mflop_per_s = _MEMORY * self.mflop_per_s + (1 - _MEMORY) * measured if self.mflop_per_s else measured

    def _retry_after_s(self) -> int:
        """Seconds until the pending work is done at the measured throughput."""
        if not self.mflop_per_s:
            return 1
        return max(1, min(_LONGEST_RETRY_S, math.ceil(self.pending / self.mflop_per_s)))
