"""CSV files as columns of numbers and of names, told apart by the rules by which the service reads cells."""

import sys
from collections.abc import Collection, Container, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pofx.errors import RequestInvalid
from pofx.kinds.csv_header import Unread
from pofx.kinds.csv_text import CellBlock, column_blocks
from pofx.kinds.encodings import opened_text
from pofx.rules.csv_cells import NoNumberError, name_in, numbers_in
from training.errors import DataError

_ROWS = 8192  # of a block


def read_csv(path: Path, texts: Collection[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Columns of numbers, float64, where no cell holds anything else, and of names; DataError if it is no table.

    Those of ``texts`` are names whatever they hold. With it what is said about columns and rows that are not read.
    """
    header = list(next(_blocks(path)).columns)
    numbers, unread = _numbers(path, texts)
    names = _names(path, [name for name in header if name not in numbers])
    return pd.DataFrame({name: numbers.get(name, names.get(name)) for name in header}), unread.notes()


def _numbers(path: Path, texts: Container[str]) -> tuple[dict[str, np.ndarray], Unread]:
    """The columns of numbers, (rows,) each, and what is not read."""
    parts: dict[str, list[np.ndarray]] = {}
    named: set[str] = set()
    unread = Unread()
    for block in _blocks(path):
        unread += block.unread
        for name in block.columns.keys() - named:
            try:
                if name not in texts:
                    parts.setdefault(name, []).append(numbers_in(block.columns[name]))
            except NoNumberError:
                named.add(name)
    return {name: np.concatenate(found) for name, found in parts.items() if name not in named}, unread


def _names(path: Path, columns: Collection[str]) -> dict[str, pd.Series]:
    """Columns of names, each name kept once, None where it is missing; from a second look at the file."""
    found: dict[str, list[str | None]] = {name: [] for name in columns}
    for block in _blocks(path) if columns else ():
        for name in columns:
            cells = map(name_in, block.columns[name])
            found[name].extend(None if cell is None else sys.intern(cell) for cell in cells)
    return {name: pd.Series(cells, dtype=object) for name, cells in found.items()}


def _blocks(path: Path) -> Iterator[CellBlock]:
    """Cells by column of some rows at a time, at least of one; raises DataError."""
    try:
        with opened_text(path) as lines:
            yield from column_blocks(lines, _ROWS)
    except RequestInvalid as error:
        raise DataError(f"{path}: {error}") from error
