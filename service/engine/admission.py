"""What is let in: only what can be done by its deadline, and what does not break the promise to those who are in.

The rule, from what the work is thought to cost (see ``demand``) and the time that is left:

- What would not be done in time even if nothing else ran is refused for good, with the n that would. Unless as much of
  the same graph was ever done in time: what worked once is not refused because an estimate was learnt.
- A small request waits for the small ones before it, and for the share of bulk.
- Bulk requests share the lanes equally, and what small ones leave of them. A request that needs x seconds waits, for
  each of the others, for as much as that one needs, but at most x. If the new one, or one of those that are in, would
  not be done in time, the new one is told when to come back.
"""

import math
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from weakref import WeakKeyDictionary

from pofx.errors import TooLarge
from pofx.graphs.rows import RowGraph
from service.engine.demand import Demand
from service.engine.slots import AnySlot
from service.engine.work import Limits
from service.errors import Overloaded

_LONGEST_RETRY_S = 60
_BULK_SHARE = 1 / 8
_REMEMBERED_S = 5.0
_SPARE = 1.2  # lanes wait for each other between steps, and what is let in should be done in time


@dataclass(eq=False, slots=True)
class Ticket:
    """A place for some work, held while its block runs; ``slot`` is where it runs, once it does."""

    admission: "Admission"
    demand: Demand
    expected_s: float
    deadline: float
    slot: AnySlot | None = None

    def __enter__(self) -> "Ticket":
        self.admission.enter(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.admission.leave(self, worked=kind is None)

    @property
    def progress(self) -> float:
        """How much of the work is done, from 0 to 1."""
        return 0.0 if self.slot is None else self.slot.progress

    @property
    def remaining_s(self) -> float:
        """Seconds of device time that it still needs."""
        return self.expected_s * (1.0 - self.progress)


class Sharing:
    """Requests that share a device equally, by the seconds each needs."""

    def __init__(self, seconds: list[float]) -> None:
        self._needs = sorted(seconds)
        self._sums = [0.0, *accumulate(self._needs)]

    def until(self, need_s: float) -> float:
        """Seconds of device time until the one that needs so much, which is among them, is done."""
        shorter = bisect_left(self._needs, need_s)
        return self._sums[shorter] + need_s * (len(self._needs) - shorter)


@dataclass
class Lately:
    """How much was let in lately, in seconds of device time per second; old times count less and less."""

    seconds: float = 0.0
    at: float = 0.0

    def add(self, seconds: float, now: float) -> None:
        """Counts some more."""
        self.seconds, self.at = self._decayed(now) + seconds, now

    def rate(self, now: float) -> float:
        """Device seconds per second."""
        return self._decayed(now) / _REMEMBERED_S

    def _decayed(self, now: float) -> float:
        return self.seconds * math.exp((self.at - now) / _REMEMBERED_S)


@dataclass
class Admission:
    """Who is in. Belongs to the event loop; no other thread touches it.

    ``pace`` tells how many seconds pass for one of device time: other programs may use the machine too.
    """

    limits: Limits
    lanes: int
    pace: Callable[[], float] = lambda: 1.0
    clock: Callable[[], float] = time.monotonic
    _small: set[Ticket] = field(default_factory=set)
    _small_s: float = 0.0
    _lately: Lately = field(default_factory=Lately)
    _bulk: set[Ticket] = field(default_factory=set)
    _proven: WeakKeyDictionary[RowGraph, int] = field(default_factory=WeakKeyDictionary)

    @property
    def requests(self) -> int:
        """How many are in."""
        return len(self._small) + len(self._bulk)

    @property
    def bulk(self) -> int:
        """How many of them are bulk."""
        return len(self._bulk)

    @property
    def pending_s(self) -> float:
        """Seconds of device time that those who are in still need."""
        return self._small_s + sum(ticket.remaining_s for ticket in self._bulk)

    def ticket(self, demand: Demand, deadline: float) -> Ticket:
        """A place, not yet held; raises TooLarge for what can never be in time, Overloaded for what cannot be now."""
        left_s, expected_s = self._left_s(deadline), demand.device_s(self.limits)
        if expected_s <= self.limits.small_s:
            self._check_small(expected_s, left_s)
            return Ticket(self, demand, expected_s, deadline)
        ticket = Ticket(self, demand, self._expected_s(demand, expected_s, left_s), deadline)
        self._check_bulk(ticket)
        return ticket

    def enter(self, ticket: Ticket) -> None:
        """Counts one that comes in."""
        if self._is_small(ticket):
            self._small.add(ticket)
            self._small_s += ticket.expected_s
            self._lately.add(ticket.expected_s, self.clock())
        else:
            self._bulk.add(ticket)

    def leave(self, ticket: Ticket, *, worked: bool) -> None:
        """Counts one that is through, and remembers how much was done in time."""
        if self._is_small(ticket):
            self._small.remove(ticket)  # rounding never adds up
            self._small_s = self._small_s - ticket.expected_s if self._small else 0.0
        else:
            self._bulk.remove(ticket)
        graph, n = ticket.demand.graph, ticket.demand.n
        if worked and n > self._proven.get(graph, 0) and self.clock() <= ticket.deadline:
            self._proven[graph] = n

    def _is_small(self, ticket: Ticket) -> bool:
        return ticket.expected_s <= self.limits.small_s

    def _left_s(self, deadline: float) -> float:
        """Seconds of device time that a lane has until then."""
        return (deadline - self.clock()) / self._passes_s(1.0)

    def _passes_s(self, device_s: float) -> float:
        """Seconds that pass for so many of device time, with some to spare."""
        return device_s * self.pace() * _SPARE

    def _expected_s(self, demand: Demand, device_s: float, left_s: float) -> float:
        """Seconds of device time of bulk; raises TooLarge if nothing helps."""
        alone_s = demand.alone_s(self.limits, self.lanes)
        if alone_s <= left_s:
            return device_s
        if demand.n <= self._proven.get(demand.graph, 0):
            return left_s * self.lanes
        most = max(demand.most(self.limits, self.lanes, left_s), self._proven.get(demand.graph, 0))
        takes_s, until_s = self._passes_s(alone_s), self._passes_s(left_s)
        raise TooLarge(
            f"n = {demand.n} would take about {takes_s:.0f} s, {until_s:.0f} s are left until the deadline; "
            + (f"ask for at most {most} at a time" if most else "not even one would be done in time"),
            max_n=most,
        )

    def _check_small(self, expected_s: float, left_s: float) -> None:
        """Raises Overloaded for a small request that would wait too long."""
        self._check_time((self._small_s + expected_s) * (1 + _BULK_SHARE) / self.lanes, left_s)

    def _check_bulk(self, ticket: Ticket) -> None:
        """Raises Overloaded for a bulk request that would not be done, or would keep another from being done."""
        needs = {item: item.remaining_s for item in (*self._bulk, ticket)}
        sharing, speed = Sharing(list(needs.values())), self._bulk_speed()
        self._check_time(sharing.until(needs[ticket]) / speed, self._left_s(ticket.deadline))
        before = Sharing([need for item, need in needs.items() if item is not ticket])
        for item in self._bulk:
            left_s, need_s = self._left_s(item.deadline), needs[item]
            if before.until(need_s) / speed <= left_s:
                self._check_time(sharing.until(need_s) / speed, left_s)

    def _bulk_speed(self) -> float:
        """How many lanes bulk gets."""
        return max(self.lanes - self._lately.rate(self.clock()) * self.pace(), self.lanes * _BULK_SHARE)

    def _check_time(self, until_s: float, left_s: float) -> None:
        if until_s > left_s:
            raise Overloaded(
                f"{self.requests} requests are in work, which takes the device about {self.pending_s:.1f} s; "
                "try again later",
                max(1, min(_LONGEST_RETRY_S, math.ceil(self._passes_s(until_s - left_s)))),
            )
