"""Which graphs are in memory: all, or as many as a limit allows; one that had to leave is opened again when it runs."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from weakref import WeakSet

from pofx.graphs.graph import Graph
from pofx.graphs.memory import give_back
from pofx.rules.arrays import Array, Arrays

# Weights in half precision become float32, and matrix products keep theirs packed beside them.
_MEMORY_PER_BYTE, _MEMORY_PER_GRAPH = 4, 256 * 1024


class Guest:
    """A graph that is in memory while there is room; the one that ran longest ago leaves first."""

    def __init__(self, open_graph: Callable[[], Graph], size: int, residence: "Residence") -> None:
        self._open, self._residence = open_graph, residence
        self.size, self.used = size, 0
        self.graph: Graph | None = None
        graph = residence.enter(self)
        self.runtime, self.provider = graph.runtime, graph.provider

    def run(self, arrays: Arrays, wanted: tuple[str, ...]) -> dict[str, Array]:
        """The wanted outputs, by name."""
        self.used = self._residence.tick()
        return (self.graph or self._residence.enter(self)).run(arrays, wanted)

    def opened(self) -> Graph:
        """The graph, opened anew."""
        self.used = self._residence.tick()
        self.graph = graph = self._open()
        return graph


@dataclass(frozen=True)
class Residence:
    """Room for graphs, in estimated bytes; without a limit every graph stays.

    A file is verified again, but not tested again, when its graph is opened anew: the same bytes passed before.
    """

    limit: int | None = None
    _guests: WeakSet[Guest] = field(default_factory=WeakSet)
    _clock: Iterator[int] = field(default_factory=count)
    _entering: threading.Lock = field(default_factory=threading.Lock)

    def host(self, open_graph: Callable[[], Graph], file_size: int) -> Graph:
        """The graph that is opened so, from a file of that many bytes."""
        if self.limit is None:
            return open_graph()
        return Guest(open_graph, _MEMORY_PER_BYTE * file_size + _MEMORY_PER_GRAPH, self)

    def enter(self, guest: Guest) -> Graph:
        """The graph of a guest, opened if it is not there, after others have left where there was no room."""
        with self._entering:
            if guest.graph is not None:
                return guest.graph
            if self._make_room(guest.size):
                give_back()
            self._guests.add(guest)
            return guest.opened()

    def tick(self) -> int:
        """A number larger than all before."""
        return next(self._clock)

    @property
    def resident(self) -> list[Guest]:
        """Who is in memory, the one that ran longest ago first."""
        return sorted((guest for guest in self._guests if guest.graph is not None), key=lambda guest: guest.used)

    def _make_room(self, size: int) -> bool:
        """Whether anybody had to leave."""
        inside = self.resident
        leaving = _leaving([guest.size for guest in inside], (self.limit or 0) - size)
        for guest in inside[:leaving]:
            guest.graph = None
        return leaving > 0


def _leaving(sizes: list[int], room: int) -> int:
    """How many of the first have to leave so that the others fit."""
    held, leaving = sum(sizes), 0
    while held > room and leaving < len(sizes):
        held -= sizes[leaving]
        leaving += 1
    return leaving
