"""Sampling by fixed-point iteration: propose all positions at once from the current state and the same noise, until the
proposal changes nothing. For an autoregressive model that state is exactly the ancestral sample (Song et al. 2021,
"Accelerating feedforward computation via parallel nonlinear equation solving"; Wiggers & Hoogeboom 2020, "Predictive
sampling with forecasting autoregressive models"), and at least one more position is final after every pass.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pofx.errors import GraphFailed
from pofx.graphs.rows import RowGraph
from pofx.rules.arrays import Array, Arrays

T = TypeVar("T")
Keep = Callable[[Array], Array]
"""From what was drawn, shape (n, …), to the same with the known values in their places."""
Passes = NDArray[np.int64]


class FixedPoint(Generic[T]):
    """Steps from a start to the fixed points; rows that are done take no further part.

    What is known is kept by a start that has it, and put back after every pass.
    """

    def __init__(
        self,
        graph: RowGraph,
        sample: str,
        start: Array,
        constant: Arrays,
        keep: Keep,
        max_passes: int,
        expected_passes: float,
        reader: Callable[[Array, Passes], T],
    ) -> None:
        """``constant`` holds the inputs beside the state; ``reader`` gets fixed points and passes, (batch,).

        ``expected_passes`` of a row are for telling the progress only.
        """
        self.graph = graph
        self.wanted: tuple[str, ...] = (sample,)
        self._state_name = next(item.name for item in graph.spec.inputs if item.role == "data")
        self._keep, self._max_passes, self._reader = keep, max_passes, reader
        self._expected_passes, self._progress = expected_passes, 0.0
        self._state, self._constant = keep(start).copy(), constant
        self._active = np.arange(len(start))
        self._passes: Passes = np.zeros(len(start), np.int64)
        self._number = 0

    @property
    def position(self) -> None:
        """None: rows of any pass may share the call."""
        return

    @property
    def progress(self) -> float:
        """Share of the passes that all rows are expected to take; the estimate may stand still, and ends at 1."""
        return self._progress

    def next(self) -> Arrays | None:
        """State and constant inputs of the rows that are not done; raises GraphFailed when that takes too long."""
        if not len(self._active):
            return None
        if self._number > self._max_passes:  # the last pass only confirms
            raise GraphFailed(f"{len(self._active)} samples did not converge within {self._max_passes} passes")
        constant = {name: array[self._active] for name, array in self._constant.items()}
        return {self._state_name: self._state[self._active], **constant}

    def take(self, outputs: Arrays) -> None:
        """Takes the proposals, and lets go of the rows they did not change."""
        self._number += 1
        proposal = self._keep(outputs[self.wanted[0]])
        changed = (proposal != self._state[self._active]).reshape(len(proposal), -1).any(axis=1)
        self._state[self._active] = proposal
        self._passes[self._active] = self._number
        self._active = self._active[changed]
        self._progress = max(self._progress, self._share_done())

    def preview(self) -> Array:
        """The current state of all rows."""
        return self._state

    def read(self) -> T:
        """What the reader makes of the fixed points."""
        return self._reader(self._state, self._passes)

    def _share_done(self) -> float:
        """Of the rows that are left, each is thought to need at least one pass more."""
        done = float(self._passes.sum())
        return done / (done + len(self._active) * max(1.0, self._expected_passes - self._number))
