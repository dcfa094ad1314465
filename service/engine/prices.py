"""What rows of a graph cost in seconds of device time: measured when a model is loaded, corrected by every step.

The figure of the manifest is the first guess only; it knows nothing of loops, caches or this machine.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from pofx.graphs import golden
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.probe import probe_rows
from pofx.graphs.rows import RowGraph
from pofx.rules.arrays import Arrays
from service.engine.pace import Pace

Clock = Callable[[], float]

_GUESSED_MFLOP_PER_S = 10_000.0
_LEAST_S = 1e-8
_MEMORY, _TRUSTED, _CLIP = 0.95, 3, 4.0
_SPREAD = 0.05  # of the rows of the calls, below which they do not tell the call from the rows
_EVEN_ROWS = 8  # up to which a second more or less weighs the same
_SIZES, _REPEATS, _ENOUGH_S = (1, 8, 64), 2, 0.02


@dataclass(slots=True)
class Price:
    """``call_s + rows · row_s`` seconds for a call of a graph: the line through the latest calls.

    Rows are counted as they are padded, to a multiple of ``multiple``. Each call weighs a twentieth less than the one
    after it, and after the first few none counts for more than four times what was expected, or less than a quarter: a
    call that the machine interrupted changes little, and a price that is wrong by a factor of thousand is right after
    some fifty calls.
    """

    call_s: float
    row_s: float
    multiple: int = 1
    seen: int = 0
    _sums: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    def seconds(self, rows: int) -> float:
        """Seconds of a call with that many rows."""
        return self.call_s + self._padded(rows) * self.row_s

    def observe(self, rows: int, seconds: float) -> None:
        """Learns from one call."""
        expected, x = self.seconds(rows), self._padded(rows)
        if self.seen >= _TRUSTED:
            seconds = min(_CLIP * expected, max(expected / _CLIP, seconds))
        weight = (_EVEN_ROWS + x) ** -2.0
        new = (weight, weight * x, weight * x * x, weight * seconds, weight * x * seconds)
        self._sums = tuple(_MEMORY * old + more for old, more in zip(self._sums, new, strict=True))
        self.seen += 1
        self._fit()

    def _fit(self) -> None:
        """The line of least squares; where all calls had about as many rows, the known one made steeper or flatter."""
        one, x, xx, y, xy = self._sums
        spread = one * xx - x * x
        if spread < _SPREAD * one * xx:
            scale = (self.call_s * y + self.row_s * xy) / (
                self.call_s**2 * one + 2 * self.call_s * self.row_s * x + self.row_s**2 * xx
            )
            call_s, row_s = self.call_s * scale, self.row_s * scale
        else:
            call_s, row_s = (xx * y - x * xy) / spread, (one * xy - x * y) / spread
            if call_s <= 0:
                call_s, row_s = 0.0, xy / xx
            elif row_s <= 0:
                call_s, row_s = y / one, 0.0
        self.call_s, self.row_s = max(_LEAST_S, call_s), max(_LEAST_S, row_s)

    def _padded(self, rows: int) -> int:
        return -(-rows // self.multiple) * self.multiple


def guessed(graph: RowGraph) -> Price:
    """The price before anything was measured."""
    return Price(1e-4, max(_LEAST_S, graph.mflop_per_row / _GUESSED_MFLOP_PER_S), multiple_of(graph))


def multiple_of(graph: RowGraph) -> int:
    """Rows that cost no more than one, by the layout of the graph."""
    return 1 if graph.layout is None else max(1, graph.layout.multiple // graph.layout.stride)


@dataclass
class Prices:
    """The price of every graph that lives, and the pace, which calls tell as well."""

    pace: Pace = field(default_factory=Pace)
    _known: WeakKeyDictionary[RowGraph, Price] = field(default_factory=WeakKeyDictionary)

    def of(self, graph: RowGraph) -> Price:
        """The price of a graph, to be corrected by who runs it."""
        found = self._known.get(graph)
        if found is None:
            found = self._known[graph] = guessed(graph)
        return found

    def measure(self, model: LoadedModel, clock: Clock = time.perf_counter) -> None:
        """Measures the graphs of a model that has just been loaded, in some hundredths of a second each."""
        stored = golden.load_arrays(model.source.read_bytes(model.manifest.golden.file))
        began, started = time.perf_counter(), clock()
        for name, graph in model.graphs.items():
            price = self._known[graph] = guessed(graph)
            for rows, seconds in _measured(graph, golden.inputs_of(stored, name, graph.spec)[-1], clock).items():
                price.observe(rows, seconds)
        self.pace.note(time.perf_counter() - began, clock() - started)


def _measured(graph: RowGraph, inputs: Arrays, clock: Clock) -> dict[int, float]:
    """The seconds of the fastest of some calls, by their rows; no larger ones where few rows took long."""
    found: dict[int, float] = {}
    position = golden.position_of(inputs, graph.spec)
    for rows in _SIZES:
        arrays = probe_rows(graph.spec, inputs, rows)
        found[rows] = min(_times(graph, arrays, position, clock))
        if found[rows] > _ENOUGH_S:
            break
    return found


def _times(graph: RowGraph, arrays: Arrays, position: int | None, clock: Clock) -> list[float]:
    """The seconds of a call; of several where it is short."""
    wanted = tuple(output.name for output in graph.spec.outputs)
    times: list[float] = []
    while len(times) < _REPEATS and sum(times) < _ENOUGH_S:
        started = clock()
        graph.run(arrays, wanted, position)
        times.append(clock() - started)
    return times
