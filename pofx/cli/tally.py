"""What is counted while scores stream by, in memory that does not grow with them."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pofx.cli.drawn import Drawn
from pofx.rules.arrays import Array
from pofx.rules.conformal import Floats
from pofx.rules.groups import drawn_by
from pofx.use.discoveries import Discoveries, notes_on, threshold_of
from pofx.use.scores import Scores
from pofx.use.sizes import Size


@dataclass
class Tally:
    """Counts of items, and of their p-values: these take few values, k / (n + 1) for the n of every comparison.

    ``left_out`` of the ``items`` could not be read. Where it is said what belongs together, one item of each group is
    ``drawn``; ``untold`` is whether it had to be.
    """

    size: Size
    items: int = 0
    left_out: int = 0
    anomalies: int = 0
    drawn: Drawn | None = None
    untold: bool = False
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
        self.untold |= scores.untold
        if scores.groups:
            self.drawn = self.drawn or Drawn(drawn_by(scores.p_value))
            self.drawn.take(scores.groups, scores.p_value)

    def discoveries(self, fdr: float) -> "Found":
        """What Benjamini and Hochberg's procedure finds among all items, or groups, so far."""
        if self.drawn is not None:
            of_groups, groups = self.drawn.discoveries(fdr)
            notes = notes_on(of_groups, self.size)
            return Found(fdr, of_groups.tests, of_groups.threshold, of_groups.count, notes, groups)
        threshold = threshold_of(self.p_values, self.counts, fdr)
        count = 0 if threshold is None else int(self.counts[self.p_values <= threshold].sum())
        nothing = Discoveries(fdr, self.tests, count, np.zeros(0, np.bool_), threshold)
        return Found(fdr, self.tests, threshold, count, notes_on(nothing, self.size))


@dataclass(frozen=True)
class Found:
    """Discoveries of a stream; ``threshold`` is the largest p-value of one, ``notes`` are warnings.

    ``groups`` are the names of those that are discoveries, where groups were ``tests``, and not items.
    """

    fdr: float
    tests: int
    threshold: float | None
    count: int
    notes: tuple[str, ...]
    groups: frozenset[str] | None = None

    @property
    def tested(self) -> str:
        """What was tested, in words."""
        return "items" if self.groups is None else "groups"

    def among(self, values: Array) -> NDArray[np.bool_]:
        """Which items are discoveries, (n,), by the p-value or the group of each."""
        if self.groups is not None:
            return np.array([name in self.groups for name in values.tolist()], np.bool_)
        return np.zeros(values.shape, np.bool_) if self.threshold is None else values <= self.threshold
