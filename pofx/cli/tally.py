"""What is counted while scores stream by, in memory that does not grow with them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pofx.cli.drawn import Drawn
from pofx.rules.arrays import Array
from pofx.rules.conformal import Floats
from pofx.use.discoveries import Discoveries, power_note, threshold_of
from pofx.use.scores import Scores
from pofx.use.sizes import Size


@dataclass
class Tally:
    """Counts of items that are compared with calibration items of one size; ``counts`` of every p-value k / (n + 1).

    Where it is said what belongs together, one item of each group is ``drawn``.
    """

    size: Size
    items: int = 0
    anomalies: int = 0
    drawn: Drawn | None = None
    counts: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros(self.size.n + 1, np.int64)

    @property
    def p_values(self) -> Floats:
        """The values that p-values can take, ascending."""
        return np.arange(1, self.size.n + 2) / (self.size.n + 1)

    @property
    def tests(self) -> int:
        """How many items have a p-value."""
        return int(self.counts.sum())

    def take(self, scores: Scores) -> None:
        """Counts a block."""
        p_values = scores.p_value[~np.isnan(scores.p_value)]
        ranks = np.rint(p_values * (self.size.n + 1)).astype(np.int64) - 1
        self.counts += np.bincount(ranks, minlength=len(self.counts))
        self.items += len(scores)
        self.anomalies += int(scores.anomaly.sum())
        if scores.groups is not None:
            self.drawn = self.drawn or Drawn()
            self.drawn.take(scores.groups, scores.p_value)

    def discoveries(self, fdr: float) -> "Found":
        """What Benjamini and Hochberg's procedure finds among all items, or groups, so far."""
        if self.drawn is not None:
            found, groups = self.drawn.discoveries(fdr)
            return Found(fdr, found.tests, found.threshold, found.count, power_note(found, self.size), groups)
        threshold = threshold_of(self.p_values, self.counts, fdr)
        count = 0 if threshold is None else int(self.counts[self.p_values <= threshold].sum())
        nothing = Discoveries(fdr, self.tests, count, np.zeros(0, np.bool_), threshold)
        return Found(fdr, self.tests, threshold, count, power_note(nothing, self.size))


@dataclass(frozen=True)
class Found:
    """Discoveries of a stream; ``threshold`` is the largest p-value of one, ``note`` a warning if there is any.

    ``groups`` are the names of those that are discoveries, where groups were ``tests``, and not items.
    """

    fdr: float
    tests: int
    threshold: float | None
    count: int
    note: str | None
    groups: frozenset[str] | None = None

    def among(self, values: Array) -> NDArray[np.bool_]:
        """Which items are discoveries, (n,), by the p-value or the group of each."""
        if self.groups is not None:
            return np.array([name in self.groups for name in values.tolist()], np.bool_)
        return np.zeros(values.shape, np.bool_) if self.threshold is None else values <= self.threshold

    @property
    def tested(self) -> str:
        """What was tested, in words."""
        return "items" if self.groups is None else "groups"
