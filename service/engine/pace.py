"""Device time, and how much time passes for a second of it: the pace.

Where a lane computes by itself, its device time is what its thread worked: other programs on the machine, and others
who wait for the interpreter, neither make work dearer nor count for the request that they interrupt. Elsewhere, on a
GPU or with several threads in a call, it is what passes.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from pofx.graphs.graph import Device

_REMEMBERED_S = 20.0
_PRIOR_S = 0.2  # worked at full speed, before anything is known


def device_clock(device: Device) -> Callable[[], float]:
    """What to read in the thread of a lane, before and after some work."""
    return time.thread_time if device.kind == "cpu" and device.intra_op_threads == 1 else time.perf_counter


@dataclass
class Pace:
    """Seconds that passed while graphs ran, and those of device time in them; old ones count less and less.

    Several threads note what they see; where two do at the same moment, one of them may go unnoted.
    """

    clock: Callable[[], float] = time.monotonic
    _passed_s: float = 0.0
    _device_s: float = 0.0
    _at: float = 0.0

    def note(self, passed_s: float, device_s: float) -> None:
        """Learns from one call."""
        now = self.clock()
        kept = self._kept(now)
        self._passed_s, self._device_s, self._at = (
            self._passed_s * kept + passed_s,
            self._device_s * kept + device_s,
            now,
        )

    def __call__(self) -> float:
        """Seconds that pass for one of device time; 1 where nothing is known lately."""
        kept = self._kept(self.clock())
        return max(1.0, (self._passed_s * kept + _PRIOR_S) / (self._device_s * kept + _PRIOR_S))

    def _kept(self, now: float) -> float:
        return math.exp((self._at - now) / _REMEMBERED_S)
