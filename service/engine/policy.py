"""Which rows run next: decided from numbers alone, without thread, clock or event loop.

Greedy batching: whatever waits when the device is free becomes the next batch. No waiting window and no polling. Jobs
of one key can share a batch; the keys take turns. A job larger than a batch is run in parts, and while others wait it
gets at most half of the room that is left, so small jobs ride along; what was begun comes after what was not.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


@dataclass(frozen=True)
class Limits:
    """Bounds of one batch: work in MFLOP, and rows.

    ``least_rows`` go together however much work they are: a graph with so much work in a row is a loop over thousands
    of positions, which takes hardly longer for a few rows than for one.
    """

    mflop: float
    rows: int
    least_rows: int = 1

    def room(self, mflop_per_row: float) -> int:
        """How many rows of that much work one batch may have."""
        return min(self.rows, max(self.least_rows, int(self.mflop // mflop_per_row)))


class Work(Protocol):
    """What the policy sees of a job; ``taken`` of its rows were put into batches so far, which the policy counts."""

    taken: int

    @property
    def key(self) -> Hashable:
        """What rows must have in common to run together."""
        ...

    @property
    def rows(self) -> int:
        """All rows, at least one."""
        ...

    @property
    def mflop_per_row(self) -> float:
        """Work for one row, the same for all jobs of a key."""
        ...


W = TypeVar("W", bound=Work)


@dataclass(frozen=True, slots=True)
class Slice(Generic[W]):
    """Rows start to stop of a job, as part of one batch."""

    job: W
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Turn(Generic[W]):
    """The next batch, all of one key, and the jobs that ended without running; either may be empty."""

    batch: list[Slice[W]]
    ended: list[W]


class Policy(Generic[W]):
    """The jobs that wait, and whose turn it is. Not for several threads at once."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queues: OrderedDict[Hashable, deque[W]] = OrderedDict()

    def __len__(self) -> int:
        """How many jobs have rows that were not taken."""
        return sum(map(len, self._queues.values()))

    def add(self, job: W) -> None:
        """Lets a job wait for its turn."""
        self._queues.setdefault(job.key, deque()).append(job)

    def take(self, has_ended: Callable[[W], bool]) -> Turn[W]:
        """The next turn, of the key that waited longest; there must be a job. Jobs that have ended are let go."""
        key, queue = self._queues.popitem(last=False)
        alive: list[W] = []
        ended: list[W] = []
        for job in queue:
            (ended if has_ended(job) else alive).append(job)
        room = self._limits.room(queue[0].mflop_per_row)
        batch = [_take(job, count) for job, count in shares(alive, room)]
        left = [job for job in alive if job.taken == 0] + [job for job in alive if 0 < job.taken < job.rows]
        if left:
            self._queues[key] = deque(left)  # at the end: the other keys come first
        return Turn(batch, ended)


def shares(jobs: list[W], room: int) -> list[tuple[W, int]]:
    """Rows per job: in order, at most half of the rest while others wait; then what is left over, in order."""
    found: list[tuple[W, int]] = []
    for place, job in enumerate(jobs):
        if room == 0:
            break
        others_wait = place + 1 < len(jobs)
        share = min(job.rows - job.taken, max(1, room // 2) if others_wait else room)
        found.append((job, share))
        room -= share
    for place, (job, share) in enumerate(found):
        more = min(room, job.rows - job.taken - share)
        found[place] = (job, share + more)
        room -= more
    return found


def _take(job: W, count: int) -> Slice[W]:
    job.taken += count
    return Slice(job, job.taken - count, job.taken)
