"""What was measured so far: a load for every system, payload, way of driving and round."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from benchmarks.load.measured import Load
from benchmarks.serving.payloads import Payload
from benchmarks.serving.systems import System


@dataclass(frozen=True)
class Closed:
    """A closed loop over so many connections."""

    connections: int


@dataclass(frozen=True)
class Open:
    """An open loop at that rate."""

    requests_per_s: float


Way = Closed | Open
Figure = Callable[[Load], float]


def requests_per_s(load: Load) -> float:
    """Answers with status 200 in a second."""
    return load.requests_per_s


def p50_ms(load: Load) -> float:
    """The median latency."""
    return load.p50_ms


def p99_ms(load: Load) -> float:
    """The latency that one request in a hundred exceeds."""
    return load.p99_ms


@dataclass
class Results:
    """Loads by round, so that ratios pair what was measured one after the other; and why what is missing is missing."""

    loads: dict[tuple[System, Payload, Way], dict[int, Load]] = field(default_factory=dict)
    reasons: dict[System, str] = field(default_factory=dict)

    def add(self, system: System, payload: Payload, way: Way, turn: int, load: Load) -> None:
        """One more load."""
        self.loads.setdefault((system, payload, way), {})[turn] = load

    def values(self, system: System, payload: Payload, way: Way, figure: Figure) -> tuple[float, ...]:
        """A figure of every round that was measured."""
        return tuple(figure(load) for load in self.loads.get((system, payload, way), {}).values())

    def ratios(self, a: System, b: System, payload: Payload, way: Way, figure: Figure) -> tuple[float, ...]:
        """A figure of one system divided by that of another, round by round."""
        ours, others = (self.loads.get((system, payload, way), {}) for system in (a, b))
        return tuple(figure(ours[turn]) / figure(others[turn]) for turn in ours if turn in others)

    def capacity(self, system: System, payload: Payload) -> float:
        """Requests per second at the number of connections where it reached most, median of the rounds; 0 if none."""
        return max((statistics.median(values) for values in self._closed(system, payload)), default=0.0)

    def best_peer(self, payload: Payload) -> System | None:
        """The peer with the largest capacity."""
        peers = {system for system, *_ in self.loads if system.kind == "peer"}
        return max(peers, key=lambda system: self.capacity(system, payload), default=None)

    def _closed(self, system: System, payload: Payload) -> Iterable[tuple[float, ...]]:
        for key in self.loads:
            if key[:2] == (system, payload) and isinstance(key[2], Closed):
                yield self.values(*key, requests_per_s)
