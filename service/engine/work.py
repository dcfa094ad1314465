"""What the policy sees of requests: a step of each, what rows of it cost, and the bounds that it keeps."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Limits:
    """Bounds of one step and of a small request in seconds of device time, and of a step in rows.

    A batch is not spread over lanes in parts below ``part_s``, which would cost more than they save. ``quiet_s`` is the
    bulk work after which a lane that was left to small requests is taken again.
    """

    step_s: float = 0.01
    rows: int = 512
    small_s: float = 0.02
    part_s: float = 0.002
    quiet_s: float = 0.2


class Price(Protocol):
    """What rows of a graph cost: ``call_s + rows · row_s`` seconds, as far as is known now.

    They cost as much as if they were a multiple of ``multiple``.
    """

    @property
    def call_s(self) -> float:
        """Seconds of a call, however many rows."""
        ...

    @property
    def row_s(self) -> float:
        """Seconds of each row."""
        ...

    @property
    def multiple(self) -> int:
        """Rows that cost no more than one."""
        ...

    def seconds(self, rows: int) -> float:
        """Seconds of a call with that many rows."""
        ...


class Work(Protocol):
    """What the policy sees of a request: one step of it, and what it has used; the policy writes the last three.

    ``taken`` of the step's rows were put into batches so far; ``used_s`` is its device time; ``number`` tells which
    came first.
    """

    taken: int
    used_s: float
    number: int

    @property
    def model(self) -> Hashable:
        """Whose share it uses."""
        ...

    @property
    def key(self) -> Hashable:
        """What rows must have in common to run together."""
        ...

    @property
    def rows(self) -> int:
        """All rows of the step, at least one."""
        ...

    @property
    def price(self) -> Price:
        """What rows cost."""
        ...

    @property
    def expected_s(self) -> float:
        """Device time of the whole request, as far as is known."""
        ...
