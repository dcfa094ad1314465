"""What is counted while scores stream by, in memory that does not grow with them."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pofx.rules.conformal import Floats
from pofx.use.discoveries import Discoveries, notes_on, threshold_of
from pofx.use.scores import Scores
from pofx.use.sizes import Size


@dataclass
class Tally:
    """Counts of items, and of their p-values: these take few values, k / (n + 1) for the n of every comparison.

    ``left_out`` of the ``items`` could not be read.
    """

    size: Size
    items: int = 0
    left_out: int = 0
    anomalies: int = 0
    of_p_value: Counter[float] = field(default_factory=Counter)

    @property
    def p_values(self) -> Floats:
        """The p-values that occur, ascending."""
        return np.array(sorted(self.of_p_value))

    @property
    def counts(self) -> NDArray[np.int64]:
        """How often each of them does."""
        return np.array([self.of_p_value[value] for value in sorted(self.of_p_value)], np.int64)

    @property
    def scored(self) -> int:
        """How many items could be read."""
        return self.items - self.left_out

    @property
    def tests(self) -> int:
        """How many items have a p-value."""
        return self.of_p_value.total()

    def take(self, scores: Scores) -> None:
        """Counts a block."""
        values, counts = np.unique(scores.p_value[~np.isnan(scores.p_value)], return_counts=True)
        self.of_p_value.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        self.items += len(scores)
        self.left_out += len(scores.faults.wrong)
        self.anomalies += int(scores.anomaly.sum())

    def discoveries(self, fdr: float) -> "Found":
        """What Benjamini and Hochberg's procedure finds among all items so far."""
        threshold = threshold_of(self.p_values, self.counts, fdr)
        count = 0 if threshold is None else int(self.counts[self.p_values <= threshold].sum())
        nothing = Discoveries(fdr, self.tests, np.zeros(0, np.bool_), threshold)
        return Found(fdr, threshold, count, notes_on(nothing, self.size))


@dataclass(frozen=True)
class Found:
    """Discoveries of a stream; ``threshold`` is the largest p-value of one, ``notes`` are warnings."""

    fdr: float
    threshold: float | None
    count: int
    notes: tuple[str, ...]

    def among(self, p_values: Floats) -> NDArray[np.bool_]:
        """Which items are discoveries, (n,)."""
        return np.zeros(p_values.shape, np.bool_) if self.threshold is None else p_values <= self.threshold
