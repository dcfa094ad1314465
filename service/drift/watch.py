"""The drift monitor of one model as a service uses it: items come in cheaply, and are worked through later."""

import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from pofx.rules.conformal import Floats
from service.drift.monitor import PIECE, Monitor, Reading


class Watch:
    """``add`` costs a microsecond, from one thread; ``fold`` does the work of many requests at once, from any thread.

    The items of one request are taken in random order: a table sorted by its client is no drift.
    """

    def __init__(self, make: Callable[[], Monitor], random: np.random.Generator) -> None:
        self._make, self._random = make, random
        self._monitor = make()
        self._inbox: deque[Floats] = deque()
        self._waiting = 0
        self._lock = threading.Lock()

    def add(self, values: Floats) -> bool:
        """Keeps the values of one request; whether it is time to fold them in."""
        self._inbox.append(values)
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
            return self._monitor.read()

    def reset(self) -> Reading:
        """Forgets all traffic and begins again; the state then."""
        with self._lock:
            self._inbox.clear()
            self._monitor = self._make()
            return self._monitor.read()

    def _fold(self) -> None:
        requests = [self._inbox.popleft() for _ in range(len(self._inbox))]
        if requests:
            self._monitor.take(np.concatenate([self._shuffled(values) for values in requests]))

    def _shuffled(self, values: Floats) -> Floats:
        return values if len(values) == 1 else self._random.permutation(values)
