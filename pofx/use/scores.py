"""What scoring gives: a value for every item, and what is to be known about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.kinds.decoded import Decoded
from pofx.kinds.faults import Faults
from pofx.rules.arrays import Array
from pofx.rules.conformal import Floats
from pofx.rules.outputs import MapKind
from pofx.use.comparison import Comparison
from pofx.use.discoveries import Discoveries
from pofx.use.gap_comparison import PatternUsed
from pofx.use.grouping import untold
from pofx.use.missing import Gaps
from pofx.use.verdict import Rule

REASON: Final = "reason"
ERROR: Final = "error"


@dataclass(frozen=True)
class Explanation:
    """How odd every dimension is, of shape (batch, …), higher is odder.

    Of kind ``dim_log_prob`` it is in nats and sums to minus ``log_prob``; of kind ``reconstruction_error`` it sums to
    the statistic ``reconstruction``, which says nothing about how likely the code is.
    """

    kind: MapKind
    nats: Array


@dataclass(frozen=True)
class Scores:
    """Everything per item, shape (batch,); ``log_prob`` in nats, None where the model has no density, nor a bound.

    What ``log_prob`` is says ``density``: exact, or an estimate of a lower bound, with its error where it was measured.

    ``p_value`` is that of the statistic that decides; ``anomaly`` is what its rule says. ``gaps`` are the values that
    rows miss, None where none does; ``patterns`` those of gaps within which rows were compared. ``notes`` are for a
    person.

    An item that could not be read has no numbers at all (``faults``). One with a category that training never saw has
    the smallest p-values there are, and no statistics: no model gives such a category any mass.
    """

    items: Decoded
    rule: Rule
    comparison: Comparison
    density: bundle.Density | None
    log_prob: Floats | None
    bits_per_dim: Floats | None
    statistics: Mapping[str, Floats]
    p_values: Mapping[str, Floats]
    p_value: Floats
    anomaly: NDArray[np.bool_]
    explanation: Explanation | None = None
    discoveries: Discoveries | None = None
    gaps: Gaps | None = None
    patterns: tuple[PatternUsed, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.p_value)

    @property
    def faults(self) -> Faults:
        """What is wrong with items."""
        return self.items.faults

    @property
    def groups(self) -> tuple[str, ...]:
        """What each item belongs to; empty where nothing is said."""
        return self.items.groups

    @property
    def untold(self) -> bool:
        """Whether items may belong together and nothing says which do."""
        return untold(self.items, self.comparison.groups)

    def columns(self) -> dict[str, Any]:
        """The scores as columns of a table, (batch,) each; a verdict that is none, for want of a p-value, is masked.

        Where items keep their errors these follow, as lists, with the reasons of unseen categories before.
        """
        labels = self.comparison.labels_of(len(self))
        return {
            **({} if self.log_prob is None else {"log_prob": self.log_prob}),
            **({} if self.bits_per_dim is None else {"bits_per_dim": self.bits_per_dim}),
            "p_value": self.p_value,
            "anomaly": np.ma.masked_where(np.isnan(self.p_value), self.anomaly),
            **self._statistics(),
            **({"label": np.array(labels)} if labels else {}),
            **({"group": np.array(self.groups)} if self.groups else {}),
            **({} if self.discoveries is None else self.discoveries.columns()),
            **(self._reasons() if self.faults.kept else {}),
        }

    def _reasons(self) -> dict[str, list[str | None]]:
        return {REASON: self.faults.unseen_of(len(self)), ERROR: self.faults.errors_of(len(self))}

    def _statistics(self) -> dict[str, Array]:
        return {
            name: values
            for statistic in self.statistics
            for name, values in (
                (f"{statistic}_value", self.statistics[statistic]),
                (f"{statistic}_p_value", self.p_values[statistic]),
            )
        }
