"""One item of every group of a stream, in memory that grows with the groups and not with their items."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pofx.rules.conformal import Floats
from pofx.use.discoveries import Discoveries, benjamini_hochberg


@dataclass
class Drawn:
    """The p-value of an item of each group that was seen, any of its items as likely as any other."""

    p_values: dict[str, float] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def take(self, groups: Sequence[str], p_values: Floats) -> None:
        """Takes the items of a block, those that have a p-value: the k-th of a group replaces the one before by 1/k."""
        chances = self._random.random(len(p_values)).tolist()
        for group, p_value, chance in zip(groups, p_values.tolist(), chances, strict=True):
            if p_value != p_value:
                continue
            seen = self._counts[group] = self._counts.get(group, 0) + 1
            if chance * seen < 1:
                self.p_values[group] = p_value

    def discoveries(self, fdr: float) -> tuple[Discoveries, frozenset[str]]:
        """The verdict over all groups so far, and the names of those that are discoveries."""
        found = benjamini_hochberg(np.array(list(self.p_values.values())), fdr)
        names = frozenset(name for name, it_is in zip(self.p_values, found.found, strict=True) if it_is)
        return replace(found, by_group=True), names
