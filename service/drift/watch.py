"""The drift monitor of one model as a service uses it: items come in cheaply, and are worked through later."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from pofx.rules.conformal import Floats
from pofx.rules.groups import KnownGroups, one_of_each
from service.drift.monitor import PIECE, Monitor, Reading

_Request = tuple[Floats, Sequence[str] | None]


class Watch:
    """``add`` costs a microsecond, from one thread; ``fold`` does the work of many requests at once, from any thread.

    The items of one request are taken in random order: a table sorted by its client is no drift. Of items that belong
    together one counts, once; those of a model that is ``grouped`` do not count if nothing says what they belong to.
    """

    def __init__(self, make: Callable[[], Monitor], random: np.random.Generator, *, grouped: bool = False) -> None:
        self._make, self._random, self._grouped = make, random, grouped
        self._monitor = make()
        self._inbox: deque[_Request] = deque()
        self._seen = KnownGroups()
        self._passed_over = 0
        self._waiting = 0
        self._lock = threading.Lock()

    def add(self, values: Floats, groups: Sequence[str] | None = None) -> bool:
        """Keeps the values of one request, with the group of each; whether it is time to fold them in."""
        self._inbox.append((values, groups))
        self._waiting += len(values)
        if self._waiting < PIECE:
            return False
        self._waiting = 0
        return True

    def fold(self) -> None:
        """Shows the monitor everything that waits."""
        with self._lock:
            self._fold()

    def read(self) -> Reading:
        """The state with everything that was added."""
        with self._lock:
            self._fold()
            return self._state()

    def reset(self) -> Reading:
        """Forgets all traffic and begins again; the state then."""
        with self._lock:
            self._inbox.clear()
            self._seen = KnownGroups()
            self._passed_over = 0
            self._monitor = self._make()
            return self._state()

    def _state(self) -> Reading:
        return replace(self._monitor.read(), passed_over=self._passed_over, grouped=self._grouped)

    def _fold(self) -> None:
        requests = [self._inbox.popleft() for _ in range(len(self._inbox))]
        counted = [self._counted(values, groups) for values, groups in requests]
        self._passed_over += sum(len(values) for values, _ in requests) - sum(map(len, counted))
        if any(map(len, counted)):
            self._monitor.take(np.concatenate([self._shuffled(values) for values in counted]))

    def _counted(self, values: Floats, groups: Sequence[str] | None) -> Floats:
        """One value of each group that is new."""
        if groups is None:
            return values[:0] if self._grouped else values
        places = one_of_each(np.array(groups), self._random.random(len(groups)))
        new = [int(place) for place in places if self._is_new(groups[place])]
        return values[np.array(new, np.intp)]

    def _is_new(self, group: str) -> bool:
        if group in self._seen.found:
            return False
        self._seen.take(group, True)
        return True

    def _shuffled(self, values: Floats) -> Floats:
        return values if len(values) == 1 else self._random.permutation(values)
