"""Rows of a table with gaps among calibration rows of the same pattern of missing values, where there is a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.rules.conformal import Floats, p_values
from pofx.rules.promises import pac_rank
from pofx.use.sizes import Size
from pofx.use.verdict import Rule


@dataclass(frozen=True)
class PatternUsed:
    """Rows that miss these columns were compared with ``n`` calibration rows that do, ``masked`` of them made so.

    ``rows`` is which rows of the request they are, bool (batch,); ``threshold`` is their largest p-value of an anomaly.
    """

    missing: tuple[str, ...]
    n: int
    masked: int
    rows: NDArray[np.bool_]
    threshold: float
    values: Mapping[str, NDArray[np.float64]]

    @property
    def size(self) -> Size:
        """How many calibration rows there are."""
        return Size(self.n)


def patterns_used(
    model: LoadedModel, score: bundle.Score, gaps: NDArray[np.bool_], rule: Rule, fdr: float | None
) -> tuple[PatternUsed, ...]:
    """The tables that rows with these gaps, (batch, columns), are compared with, in the order of the manifest.

    A table that cannot support what was asked for is not used.
    """
    names = [column.name for column in model.manifest.input.columns] if model.manifest.input.kind == "row" else []
    found = []
    for place, pattern in enumerate(score.calibration.patterns):
        rows = (gaps == np.isin(names, pattern.missing)).all(axis=1)
        threshold = _threshold(rule, pattern.n)
        if rows.any() and threshold * (pattern.n + 1) >= 1 and (fdr is None or fdr * (pattern.n + 1) >= 1):
            values = model.held_out.of_gaps[place]
            found.append(PatternUsed(pattern.missing, pattern.n, pattern.masked, rows, threshold, values))
    return tuple(found)


def within_patterns(
    used: Sequence[PatternUsed], statistic: bundle.Statistic, values: Floats, among_all: Floats
) -> Floats:
    """The p-values, (batch,): within its pattern for every row that has a table, those among all rows else."""
    if not used:
        return among_all
    found = among_all.copy()
    for pattern in used:
        found[pattern.rows] = p_values(statistic.tail, pattern.values[statistic.name], values[pattern.rows])
    return found


def _threshold(rule: Rule, n: int) -> float:
    return rule.alpha if rule.promise == "marginal" else pac_rank(rule.alpha, n) / (n + 1)
