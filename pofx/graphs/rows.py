"""A graph as a function of rows: what rows share, how they are laid out, how large batches use several cores."""

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from pofx import bundle
from pofx.graphs.graph import Graph
from pofx.graphs.layout import Layout
from pofx.rules.arrays import Array, Arrays

_LEAST_MFLOP_PER_RUN = 100.0  # below this, waking another core costs more than it saves


@dataclass(frozen=True)
class Lanes:
    """Threads that run parts of one batch at the same time; more cores without a change in any result."""

    count: int
    executor: Executor | None


@dataclass(frozen=True, eq=False)
class RowGraph:
    """One graph of a model; ``shared`` are its inputs without a batch axis, drawn once.

    A graph that takes a position is told it at every run: all rows of a run stand there.
    """

    spec: bundle.Graph
    graph: Graph
    lanes: Lanes
    shared: Arrays = field(default_factory=dict)
    layout: Layout | None = None

    @property
    def mflop_per_row(self) -> float:
        """Work for one row as it is laid out, in MFLOP."""
        return self.spec.mflop_per_row * (self.layout.stride if self.layout else 1)

    def run(self, arrays: Arrays, wanted: tuple[str, ...], position: int | None = None) -> dict[str, Array]:
        """The wanted outputs, each with the rows of the inputs; the inputs are those with a batch axis."""
        rows = len(next(iter(arrays.values())))
        parts = self._part_bounds(rows)
        if len(parts) == 1 or self.lanes.executor is None:
            return self.run_in_layout(self.layout or Layout(), arrays, wanted, position)
        pieces = [{name: array[start:stop] for name, array in arrays.items()} for start, stop in parts]
        results = self.lanes.executor.map(lambda piece: self._run_piece(piece, wanted, position), pieces)
        return _joined(results)

    def run_in_layout(
        self, layout: Layout, arrays: Arrays, wanted: tuple[str, ...], position: int | None = None
    ) -> dict[str, Array]:
        """The wanted outputs, computed in that layout."""
        rows = len(next(iter(arrays.values())))
        spread = {name: layout.spread(array) for name, array in arrays.items()}
        outputs = self.graph.run({**spread, **self.shared, **self._told(position)}, wanted)
        return {name: layout.gather(array, rows) for name, array in outputs.items()}

    def _run_piece(self, arrays: Arrays, wanted: tuple[str, ...], position: int | None) -> dict[str, Array]:
        return self.run_in_layout(self.layout or Layout(), arrays, wanted, position)

    def _told(self, position: int | None) -> dict[str, Array]:
        return {item.name: np.asarray(position, np.int64) for item in self.spec.inputs if item.role == "position"}

    def _part_bounds(self, rows: int) -> list[tuple[int, int]]:
        useful = int(rows * self.mflop_per_row // _LEAST_MFLOP_PER_RUN)
        count = max(1, min(self.lanes.count, useful, rows))
        edges = [rows * part // count for part in range(count + 1)]
        return list(pairwise(edges))


def _joined(results: Iterable[dict[str, Array]]) -> dict[str, Array]:
    parts = list(results)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
