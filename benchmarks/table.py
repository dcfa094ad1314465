"""Rows of a measurement and how they are printed."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured quantity: its repeats, none where it could not be measured, and what it is compared with.

    Rows with a ``column`` stand in one table that has a line for each ``what`` and a column for each of these.
    """

    what: str
    values: tuple[float, ...]
    unit: str
    note: str = ""
    column: str = ""

    @property
    def median(self) -> float:
        """The middle of the repeats."""
        return statistics.median(self.values)

    @property
    def span(self) -> str:
        """From the least to the largest of the repeats, empty for a single one."""
        return f"{min(self.values):.4g}–{max(self.values):.4g}" if len(self.values) > 1 else ""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        described = {"what": self.what, "column": self.column} if self.column else {"what": self.what}
        median = self.median if self.values else None
        return {**described, "median": median, "values": self.values, "unit": self.unit, "note": self.note}


def markdown(rows: Sequence[Row]) -> str:
    """Markdown tables with median and range: what stands side by side, and then a line for each other row."""
    tables = [grid([row for row in rows if row.column]), _lines([row for row in rows if not row.column])]
    return "\n\n".join(table for table in tables if table)


def grid(rows: Sequence[Row]) -> str:
    """A line for each ``what``, a column for each ``column``, in the order in which they come first."""
    if not rows:
        return ""
    columns = list(dict.fromkeys((row.column, row.unit) for row in rows))
    lines = [
        f"| | {' | '.join(f'{column}, {unit}' for column, unit in columns)} | note |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for what in dict.fromkeys(row.what for row in rows):
        found = {(row.column, row.unit): row for row in rows if row.what == what}
        cells = [_cell(found[column]) if column in found else "–" for column in columns]
        notes = dict.fromkeys(row.note for row in found.values() if row.note)
        lines.append(f"| {what} | {' | '.join(cells)} | {'; '.join(notes)} |")
    return "\n".join(lines)


def _cell(row: Row) -> str:
    return f"{row.median:.4g} ({row.span})" if row.span else f"{row.median:.4g}"


def _lines(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    lines = ["| what | median | range | unit | note |", "|---|---|---|---|---|"]
    for row in rows:
        median = f"{row.median:.4g}" if row.values else "–"
        lines.append(f"| {row.what} | {median} | {row.span} | {row.unit} | {row.note} |")
    return "\n".join(lines)
