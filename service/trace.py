"""What is known about one request while it is answered: its deadline, its model, and where its time went."""

import time
from dataclasses import dataclass, field

STAGES = ("queue", "decode", "device", "encode")


@dataclass(slots=True)
class Trace:
    """One request: filled in by every layer, read by the middleware that reports it. Times in seconds."""

    request_id: str
    deadline: float  # on the clock of time.monotonic
    endpoint: str = ""
    model: str = ""
    version: str = ""
    rejected: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, seconds: float) -> None:
        """Adds time to one of STAGES."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def stage(self, name: str) -> "Stage":
        """Adds the time of the block to one of STAGES."""
        return Stage(self, name)


class Stage:
    """A block whose time is added to a trace; as a generator it would take three times as long."""

    __slots__ = ("_name", "_start", "_trace")

    def __init__(self, trace: Trace, name: str) -> None:
        self._trace, self._name = trace, name

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._trace.add(self._name, time.perf_counter() - self._start)
