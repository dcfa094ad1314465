"""Device time, and how much time passes for a second of it.

Where a lane computes by itself, its device time is what its thread worked: other programs on the machine, and others
who wait for the interpreter, neither make work dearer nor count for the request that they interrupt. Elsewhere, on a
GPU or with several threads in a call, it is what passes.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from pofx.graphs.graph import Device

_REMEMBERED_S = 5.0
_PRIOR_S = 0.2  # worked at full speed, before anything is known


def device_clock(device: Device) -> Callable[[], float]:
    """What to read in the thread of a lane, before and after some work."""
    return time.thread_time if device.kind == "cpu" and device.intra_op_threads == 1 else time.perf_counter


@dataclass
class Pace:
    """Seconds that passed while steps ran, and those of device time in them; old ones count less and less."""

    passed_s: float = 0.0
    device_s: float = 0.0
    at: float = 0.0

    def note(self, passed_s: float, device_s: float, now: float) -> None:
        """Learns from one step."""
        kept = math.exp((self.at - now) / _REMEMBERED_S)
        self.passed_s, self.device_s, self.at = self.passed_s * kept + passed_s, self.device_s * kept + device_s, now

    def value(self, now: float) -> float:
        """Seconds that pass for one of device time; 1 where nothing is known lately."""
        kept = math.exp((self.at - now) / _REMEMBERED_S)
        return max(1.0, (self.passed_s * kept + _PRIOR_S) / (self.device_s * kept + _PRIOR_S))
