"""Calibration rows → a table for every pattern of missing values that has enough of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pofx import bundle
from pofx.rules.arrays import Array
from pofx.rules.gap_tables import Pattern, Table, gap_key, tables


@dataclass(frozen=True)
class GapCalibration:
    """``patterns`` as a manifest lists them, and the sorted values of every statistic by their names in the file."""

    patterns: tuple[bundle.GapPattern, ...] = ()
    values: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class GapTables:
    """The tables to make: rows that miss their columns are to be scored, then read."""

    columns: tuple[str, ...]
    tables: Sequence[Table]
    items: Array

    def read(self, statistics: Mapping[str, Array]) -> GapCalibration:
        """The calibration that the statistics of ``items`` make, (items,) each."""
        ends = np.cumsum([len(table.rows) for table in self.tables])[:-1]
        values = {
            gap_key(name, place): np.sort(part.astype(np.float64))
            for name, found in statistics.items()
            for place, part in enumerate(np.split(found, ends))
        }
        patterns = tuple(
            bundle.GapPattern(
                missing=tuple(self.columns[place] for place in table.pattern), n=len(table.rows), masked=table.masked
            )
            for table in self.tables
        )
        return GapCalibration(patterns, values)


def columns_with_gaps(spec: bundle.InputSpec) -> tuple[str, ...]:
    """The columns of a model whose rows may miss values; none for any other."""
    if spec.kind != "row" or spec.missing == "refused":
        return ()
    return tuple(column.name for column in spec.columns)


def gap_tables(columns: tuple[str, ...], rows: Array, others: Iterable[Pattern] = ()) -> GapTables | None:
    """The tables of calibration rows, (rows, columns), of a model that takes gaps; None where there is not one."""
    planned = tables(np.isnan(rows), others)
    if not planned:
        return None
    parts = []
    for table in planned:
        part = rows[table.rows].copy()
        part[:, list(table.pattern)] = np.nan
        parts.append(part)
    return GapTables(columns, planned, np.concatenate(parts))
