"""One item of every group of a stream, in memory that grows with the groups and not with their items."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pofx.rules.conformal import Floats
from pofx.use.discoveries import Discoveries, benjamini_hochberg


@dataclass
class Drawn:
    """The p-value of an item of each group that was seen, that with the smallest lot of ``random``."""

    random: np.random.Generator
    p_values: dict[str, float] = field(default_factory=dict)
    _lots: dict[str, float] = field(default_factory=dict)

    def take(self, groups: Sequence[str], p_values: Floats) -> None:
        """Takes the items of a block, those that have a p-value."""
        lots = self.random.random(len(p_values)).tolist()
        for group, p_value, lot in zip(groups, p_values.tolist(), lots, strict=True):
            if p_value == p_value and lot < self._lots.get(group, 1.0):
                self.p_values[group], self._lots[group] = p_value, lot

    def discoveries(self, fdr: float) -> tuple[Discoveries, frozenset[str]]:
        """The verdict over all groups so far, and the names of those that are discoveries."""
        found = benjamini_hochberg(np.array(list(self.p_values.values())), fdr)
        names = frozenset(name for name, it_is in zip(self.p_values, found.found, strict=True) if it_is)
        return replace(found, by_group=True), names
