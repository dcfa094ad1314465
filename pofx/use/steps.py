"""A use under way, without a thread or a clock of its own: arrays for the next step of a graph until there are none.

So the library runs the same steps at once that a service runs batched with those of other requests.
"""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import numpy as np

from pofx.errors import GraphFailed
from pofx.graphs.rows import RowGraph
from pofx.rules.arrays import Array, Arrays

T = TypeVar("T")
Result = TypeVar("Result", covariant=True)
Outputs = Arrays
_BLOCK_MFLOP, _LEAST_ROWS, _MOST_ROWS = 4000.0, 16, 4096


class Steps(Protocol[Result]):
    """Begun by a plan; ``wanted`` names the outputs of ``graph`` that every step takes."""

    graph: RowGraph
    wanted: tuple[str, ...]

    @property
    def position(self) -> int | None:
        """Where the next step stands, if all rows of one call must stand at the same position; else None."""
        ...

    @property
    def progress(self) -> float:
        """How much of the work is done, from 0 to 1; it never falls."""
        ...

    def next(self) -> Arrays | None:
        """The inputs of the next step, those with a batch axis; None when there is nothing left to run."""
        ...

    def take(self, outputs: Outputs) -> None:
        """Takes what the step gave."""
        ...

    def preview(self) -> Array | None:
        """What is drawn so far, shape (n, …), in the form of the result's values; None where there is none."""
        ...

    def read(self) -> Result:
        """The result, after the last step."""
        ...


class OneStep(Generic[T]):
    """A use that is one call of its graph, or none where there are no rows."""

    def __init__(
        self, graph: RowGraph, wanted: tuple[str, ...], arrays: Arrays, reader: Callable[[Outputs], T]
    ) -> None:
        self.graph, self.wanted = graph, wanted
        self._arrays, self._reader = arrays, reader
        rows = len(next(iter(arrays.values())))
        self._outputs: Outputs | None = None if rows else _no_rows(graph, wanted)

    @property
    def position(self) -> None:
        """None: any rows may share the call."""
        return

    @property
    def progress(self) -> float:
        """Nothing, then all."""
        return 0.0 if self._outputs is None else 1.0

    def next(self) -> Arrays | None:
        """All rows, once."""
        return self._arrays if self._outputs is None else None

    def take(self, outputs: Outputs) -> None:
        """Takes the outputs."""
        self._outputs = outputs

    def preview(self) -> None:
        """None: before the only step there is nothing to see."""

    def read(self) -> T:
        """What the outputs mean."""
        if self._outputs is None:
            raise RuntimeError("read before the step was run")
        return self._reader(self._outputs)


def _no_rows(graph: RowGraph, wanted: tuple[str, ...]) -> Outputs:
    """The outputs of no rows, (0, …) each."""
    declared = {item.name: item for item in graph.spec.outputs}
    return {name: np.empty((0, *map(int, declared[name].shape[1:])), declared[name].dtype) for name in wanted}


def run(steps: Steps[T]) -> T:
    """The result of all steps, run here and now, in blocks that fit the caches; raises GraphFailed."""
    while (arrays := steps.next()) is not None:
        try:
            outputs = _in_blocks(steps.graph, arrays, steps.wanted, steps.position)
        except Exception as error:
            raise GraphFailed(f"the runtime failed: {type(error).__name__}: {error}") from error
        steps.take(outputs)
    return steps.read()


def _in_blocks(graph: RowGraph, arrays: Arrays, wanted: tuple[str, ...], position: int | None) -> dict[str, Array]:
    rows = len(next(iter(arrays.values())))
    size = max(_LEAST_ROWS, min(_MOST_ROWS, int(_BLOCK_MFLOP // graph.mflop_per_row)))
    if rows <= size:
        return graph.run(arrays, wanted, position)
    blocks = [{name: array[start : start + size] for name, array in arrays.items()} for start in range(0, rows, size)]
    parts = [graph.run(block, wanted, position) for block in blocks]
    return {name: np.concatenate([part[name] for part in parts]) for name in wanted}
