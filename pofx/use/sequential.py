"""Sampling position by position: a graph advances a state by some positions; the state rests here between the steps.

So no call of a graph is long, rows that stand at the same position can share one whatever request they belong to, and a
sampler that nobody asks for its next step leaves nothing behind.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from pofx import bundle
from pofx.graphs.rows import RowGraph
from pofx.rules.arrays import Array, Arrays
from pofx.use.fixed_point import Keep

T = TypeVar("T")


class Sequential(Generic[T]):
    """Steps from nothing drawn to everything drawn; all rows of a step stand at the same position."""

    def __init__(
        self,
        graph: RowGraph,
        declared: bundle.Generate,
        sample: str,
        constant: Arrays,
        keep: Keep,
        reader: Callable[[Array], T],
    ) -> None:
        """``constant`` holds the inputs that are the same at every step; ``reader`` gets the samples, (n, …)."""
        self.graph, self._declared, self._sample_name = graph, declared, sample
        self._constant, self._keep, self._reader = constant, keep, reader
        self._outputs = {item.name: item.becomes for item in graph.spec.inputs if item.role == "state"}
        rows = len(next(iter(constant.values())))
        self._states: dict[str, Array] = {
            item.name: np.zeros([rows if axis == "batch" else axis for axis in item.shape], item.dtype)
            for item in graph.spec.inputs
            if item.role == "state"
        }
        self._sample: Array | None = None
        self._taken = 0
        self.wanted: tuple[str, ...] = ()
        self._want()

    @property
    def position(self) -> int:
        """The first position of the next step."""
        return self._taken * (self._declared.chunk or 1)

    @property
    def progress(self) -> float:
        """Share of the positions that are drawn."""
        return self._taken / self._declared.steps

    def next(self) -> Arrays | None:
        """States and constant inputs."""
        return {**self._constant, **self._states} if self._taken < self._declared.steps else None

    def take(self, outputs: Arrays) -> None:
        """Takes the next states, and the samples as far as they are drawn."""
        self._taken += 1
        self._sample = outputs[self._sample_name]
        last = self._taken == self._declared.steps
        self._states = {} if last else {name: outputs[output] for name, output in self._outputs.items()}
        self._want()

    def preview(self) -> Array | None:
        """The samples as far as they are drawn; None before the first step."""
        return None if self._sample is None else self._keep(self._sample)

    def read(self) -> T:
        """What the reader makes of the samples."""
        if self._sample is None or self._taken < self._declared.steps:
            raise RuntimeError("read before the last step was run")
        return self._reader(self._keep(self._sample))

    def _want(self) -> None:
        """Nobody needs the states that the last step gives."""
        states = self._outputs.values() if self._taken + 1 < self._declared.steps else ()
        self.wanted = (self._sample_name, *states)
