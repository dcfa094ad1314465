"""Which rows run next on a lane that is free: decided from numbers alone, without thread, clock or event loop.

A *lane* is a thread that runs one *step* after the other, each at most about ``step_s`` of device time: rows of one key
(the same graph, outputs and position), of as many requests as have some. Whatever waits when a lane is free becomes the
next step; nothing waits for company. Who goes first is decided thrice, each time by measured device time:

1. **Models share equally.** The model on the fewest lanes goes first, so no model holds two while another waits; then
   the one that has used least. This is deficit round robin, paid afterwards: a step is charged what it is thought to
   cost when it begins and what it did cost when it ends, so a wrong price costs one step. A model that was idle begins
   at the level of the others: it has no credit from the past, and no debt but its last step.
2. **Small requests go before bulk** ones of the same model, until they have made these wait for eight times as long as
   a step takes: then bulk has one. A request is small while it is thought to take, and took, at most ``small_s``.
3. **Requests share equally.** Of small ones the first goes first. Of bulk ones those do whose rows can run together and
   that have used least on average, so that newcomers catch up with a sampler at a later position, and from then on
   share its steps. The oldest has an eighth of the time at least, so that newcomers without end cannot keep it from
   being finished.

While small requests come and go, bulk leaves one of several lanes to them: until it has worked for ``quiet_s`` without
seeing any. A batch is spread over several lanes only if nothing else waits.
"""

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from service.engine.work import Limits, Price, Work

_OWED = 1 / 8  # for every second that small requests have while bulk waits, and newcomers while the oldest does


W = TypeVar("W", bound=Work)


@dataclass(eq=False, slots=True)
class Slice(Generic[W]):
    """Rows start to stop of a step of a request, as part of one batch."""

    job: W
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Turn(Generic[W]):
    """The next batch, all of one key, what it is thought to cost, and the requests that ended without running.

    Either may be empty. ``bulk`` tells whether it is one of bulk, ``oldest`` whether whoever came first has part.
    """

    batch: list[Slice[W]]
    ended: list[W]
    bulk: bool = False
    oldest: bool = False
    expected_s: float = 0.0

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.batch or self.ended)

    @property
    def rows(self) -> int:
        """How many."""
        return sum(piece.rows for piece in self.batch)


@dataclass(eq=False, slots=True)
class Account(Generic[W]):
    """A model's: what it used, its lanes, what waits, and what bulk and the oldest of it are owed in seconds."""

    used_s: float
    lanes: int = 0
    small: list[W] = field(default_factory=list)
    bulk: list[W] = field(default_factory=list)
    bulk_owed_s: float = 0.0
    oldest_owed_s: float = 0.0

    @property
    def waits(self) -> bool:
        """Whether there is something to run."""
        return bool(self.small or self.bulk)

    def settle(self, turn: Turn[W], seconds: float, step_s: float) -> None:
        """Charges what a turn took; whoever was passed over is owed a share of it, but never more than a step."""
        self.lanes -= 1
        self.used_s += seconds - turn.expected_s
        if turn.bulk:
            self.bulk_owed_s = max(0.0, self.bulk_owed_s - seconds)
            earned_s = -seconds if turn.oldest else seconds * _OWED
            self.oldest_owed_s = min(step_s, max(0.0, self.oldest_owed_s + earned_s))
        elif self.bulk:
            self.bulk_owed_s = min(step_s, self.bulk_owed_s + seconds * _OWED)


class Policy(Generic[W]):
    """The requests that wait, and whose turn it is. Not for several threads at once."""

    def __init__(self, limits: Limits, lanes: int = 1) -> None:
        self._limits, self._lanes = limits, lanes
        self._accounts: dict[Hashable, Account[W]] = {}
        self._level_s = 0.0
        self._number = 0
        self._bulk_lanes = 0
        self._quiet_s = limits.quiet_s

    def __len__(self) -> int:
        """How many requests have rows that were not taken."""
        return sum(len(account.small) + len(account.bulk) for account in self._accounts.values())

    def waiting(self) -> tuple[int, int]:
        """The same for small requests and for bulk."""
        accounts = list(self._accounts.values())
        return sum(len(item.small) for item in accounts), sum(len(item.bulk) for item in accounts)

    def add(self, job: W) -> None:
        """Lets a request wait with a step of which nothing was taken."""
        if not job.number:
            self._number += 1
            job.number = self._number
        account = self._accounts.get(job.model)
        if account is None:
            account = self._accounts[job.model] = Account(self._level_s)
        if not account.waits and not account.lanes:
            account.used_s = max(account.used_s, self._level_s)
        small = max(job.expected_s, job.used_s) <= self._limits.small_s
        self._quiet_s = 0.0 if small else self._quiet_s
        (account.small if small else account.bulk).append(job)

    def take(self, has_ended: Callable[[W], bool]) -> Turn[W]:
        """The next turn of a lane; empty if nothing may run now. Requests that have ended are let go."""
        ended: list[W] = []
        while (account := self._first()) is not None:
            pool = self._pool(account)
            alive: list[W] = []
            for job in pool:
                (ended if has_ended(job) else alive).append(job)
            pool[:] = alive
            if pool:
                turn = self._turn(account, pool, ended)
                pool[:] = [job for job in pool if job.taken < job.rows]
                return turn
        return Turn([], ended)

    def settle(self, turn: Turn[W], seconds: float) -> None:
        """Charges what a turn took, when it has ended."""
        if not turn.batch:
            return
        self._accounts[turn.batch[0].job.model].settle(turn, seconds, self._limits.step_s)
        if turn.bulk:
            self._bulk_lanes -= 1
            self._quiet_s += seconds
        row_s = seconds / turn.rows
        for piece in turn.batch:
            piece.job.used_s += row_s * piece.rows

    def _first(self) -> Account[W] | None:
        """The account of the model whose turn it is."""
        room_for_bulk = self._lanes_for_bulk() > 0
        waiting = [item for item in self._accounts.values() if item.small or (item.bulk and room_for_bulk)]
        return min(waiting, key=lambda account: (account.lanes, account.used_s), default=None)

    def _pool(self, account: Account[W]) -> list[W]:
        """Its small requests, or its bulk ones."""
        if not account.small:
            return account.bulk
        owed = account.bulk_owed_s >= self._limits.step_s and self._lanes_for_bulk() > 0
        return account.bulk if account.bulk and owed else account.small

    def _turn(self, account: Account[W], pool: list[W], ended: list[W]) -> Turn[W]:
        bulk = pool is account.bulk
        first = oldest = min(pool, key=lambda job: job.number)
        if bulk and account.oldest_owed_s < self._limits.step_s:
            first = _least_served(pool)
        jobs = _in_order(first, pool)
        batch = _filled(jobs, self._room(jobs, bulk))
        expected_s = jobs[0].price.seconds(sum(piece.rows for piece in batch))
        self._level_s = max(self._level_s, account.used_s)
        self._bulk_lanes += bulk
        account.lanes += 1
        account.used_s += expected_s
        return Turn(batch, ended, bulk, any(piece.job is oldest for piece in batch), expected_s)

    def _lanes_for_bulk(self) -> int:
        """How many more lanes bulk may have now."""
        kept = self._lanes > 1 and self._quiet_s < self._limits.quiet_s
        return min(self._lanes - kept - self._bulk_lanes, self._idle())

    def _idle(self) -> int:
        return self._lanes - sum(account.lanes for account in self._accounts.values())

    def _room(self, jobs: list[W], bulk: bool) -> int:
        """How many rows the next step may have."""
        price = jobs[0].price
        rows = room(price, self._limits)
        idle = self._lanes_for_bulk() if bulk else self._idle()
        if idle > 1 and len(jobs) == len(self):
            part = math.ceil(sum(job.rows - job.taken for job in jobs) / idle)
            rows = min(rows, max(part, _fitting(price, self._limits.part_s)))
            rows = math.ceil(rows / price.multiple) * price.multiple
        return rows


def room(price: Price, limits: Limits) -> int:
    """How many rows one step may have; where a call is dear, so many that they cost as much as the call."""
    rows = min(limits.rows, max(_fitting(price, limits.step_s), int(price.call_s / price.row_s)))
    return max(1, rows // price.multiple) * price.multiple


def _least_served(pool: list[W]) -> W:
    """The request that has used least, of those that can run together and have used least on average."""
    together: dict[Hashable, list[W]] = {}
    for job in pool:
        together.setdefault(job.key, []).append(job)
    least = min(together.values(), key=lambda jobs: sum(job.used_s for job in jobs) / len(jobs))
    return min(least, key=lambda job: (job.used_s, job.number))


def _in_order(first: W, pool: list[W]) -> list[W]:
    """The requests that can share a step with the first one, which comes first."""
    same = [job for job in pool if job.key == first.key and job is not first]
    return [first, *sorted(same, key=lambda job: (job.used_s, job.number))]


def _fitting(price: Price, seconds: float) -> int:
    return max(1, int((seconds - price.call_s) / price.row_s))


def _filled(jobs: list[W], rows: int) -> list[Slice[W]]:
    """Rows of the requests, in order, until there is no room."""
    batch: list[Slice[W]] = []
    for job in jobs:
        count = min(job.rows - job.taken, rows)
        if count > 0:
            batch.append(Slice(job, job.taken, job.taken + count))
            job.taken += count
            rows -= count
    return batch
