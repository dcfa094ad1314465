"""Calibration within patterns of missing values: which patterns get a table, and which rows are in it.

A p-value among all calibration rows holds on average over patterns of gaps, not within one: a row that misses the
column that tells two clusters apart lies further out than complete rows do. So a row is compared with calibration rows
of its own pattern:

- with those that miss exactly the same columns, where there are enough. Nothing is assumed: the pattern is a part of
  the row (Mondrian; V. Vovk, A. Gammerman & G. Shafer, "Algorithmic Learning in a Random World", 2005, section 4.5);
- else with those that miss no others, from which the same columns are taken away ("masked"). It is exact where values
  are missing whatever they would have been: M. Zaffran, A. Dieuleveut, J. Josse & Y. Romano, "Conformal prediction with
  missing values", ICML 2023, arXiv 2306.02732, algorithm 1 (missing data augmentation, exact).

Tables are made when a bundle is calibrated, for patterns that the data had and for every single column.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_ROWS = 99
"""What an alpha of 0.01 takes."""

MOST_TABLES, MOST_MASKED = 32, 1000
"""How many patterns get a table, and how many masked rows are in it: what a bundle can carry."""

Pattern = tuple[int, ...]
"""The places of the missing columns, ascending."""


@dataclass(frozen=True)
class Table:
    """The calibration rows of a pattern, by their places, (n,); ``masked`` of them are made to miss its columns."""

    pattern: Pattern
    rows: NDArray[np.intp]
    masked: int


def gap_key(statistic: str, place: int) -> str:
    """What the sorted values of a statistic in the table at that place are called in the file of a calibration."""
    return f"{statistic}.gaps.{place}"


def patterns_of(gaps: NDArray[np.bool_]) -> list[Pattern]:
    """The patterns of rows, (rows, columns), that occur, the most frequent first."""
    found, counts = np.unique(gaps, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [tuple(np.flatnonzero(found[place]).tolist()) for place in order]


def tables(gaps: NDArray[np.bool_], others: Iterable[Pattern] = ()) -> list[Table]:
    """The tables of calibration rows with these gaps, (rows, columns); ``others`` are patterns seen elsewhere.

    None for complete rows where all are complete: they are what every row is compared with.
    """
    columns = gaps.shape[1]
    singles = [(place,) for place in range(columns)] if columns <= MOST_TABLES else []
    wanted = dict.fromkeys([*patterns_of(gaps), *others, *singles])
    if not gaps.any():
        wanted.pop((), None)
    found = (_table(gaps, pattern) for pattern in wanted if len(pattern) < columns)
    return [table for table in found if table is not None][:MOST_TABLES]


def _table(gaps: NDArray[np.bool_], pattern: Pattern) -> Table | None:
    """The table of a pattern; None where there are too few rows for it."""
    missing = np.isin(np.arange(gaps.shape[1]), pattern)
    own = np.flatnonzero((gaps == missing).all(axis=1))
    if len(own) >= LEAST_ROWS:
        return Table(pattern, own, 0)
    rows = np.flatnonzero(~(gaps & ~missing).any(axis=1))
    if len(rows) < min(LEAST_ROWS, len(gaps)) or not pattern:
        return None
    kept = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_MASKED)).round().astype(np.intp)]
    return Table(pattern, kept, int((~np.isin(kept, own)).sum()))
