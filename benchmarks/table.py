"""Rows of a measurement and how they are printed."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured quantity: its repeats, and what it is compared with."""

    what: str
    values: tuple[float, ...]
    unit: str
    note: str = ""

    @property
    def median(self) -> float:
        """The middle of the repeats."""
        return statistics.median(self.values)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {"what": self.what, "median": self.median, "values": self.values, "unit": self.unit, "note": self.note}


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table with median and range."""
    lines = ["| what | median | range | unit | note |", "|---|---|---|---|---|"]
    for row in rows:
        span = f"{min(row.values):.4g}–{max(row.values):.4g}" if len(row.values) > 1 else ""
        lines.append(f"| {row.what} | {row.median:.4g} | {span} | {row.unit} | {row.note} |")
    return "\n".join(lines)
