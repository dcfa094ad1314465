"""What is known about one request while it is answered: its deadline, its model, and where its time went."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
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

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time of the block to one of STAGES."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)
