"""CSV files as columns of numbers and of names, told apart by the rules by which the service reads cells."""

import sys
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pofx.errors import RequestInvalid
from pofx.kinds.csv_text import column_blocks
from pofx.rules.csv_cells import NoNumberError, name_in, numbers_in
from training.errors import DataError

_ROWS = 8192  # of a block


def read_csv(path: Path, texts: frozenset[str]) -> pd.DataFrame:
    """Columns of numbers, float64, where no cell holds anything else, and of names; DataError if it is no table.

    Those of ``texts`` are names whatever they hold.
    """
    numbers = _numbers(path, texts)
    names = _names(path, numbers)
    return pd.DataFrame({name: numbers.get(name, names.get(name)) for name in _header(path)})


def _numbers(path: Path, texts: frozenset[str]) -> dict[str, np.ndarray]:
    """The columns of numbers, (rows,) each."""
    parts: dict[str, list[np.ndarray]] = {}
    named = set(texts)
    for block in _blocks(path):
        for name in block.keys() - named:
            try:
                parts.setdefault(name, []).append(numbers_in(block[name]))
            except NoNumberError:
                named.add(name)
    return {name: np.concatenate(found) for name, found in parts.items() if name not in named}


def _names(path: Path, numbers: Container[str]) -> dict[str, pd.Series]:
    """The other columns, each name kept once, None where it is missing; from a second look at the file."""
    columns = [name for name in _header(path) if name not in numbers]
    found: dict[str, list[str | None]] = {name: [] for name in columns}
    for block in _blocks(path) if columns else ():
        for name in columns:
            cells = map(name_in, block[name])
            found[name].extend(None if cell is None else sys.intern(cell) for cell in cells)
    return {name: pd.Series(cells, dtype=object) for name, cells in found.items()}


def _header(path: Path) -> list[str]:
    return list(next(_blocks(path)))


def _blocks(path: Path) -> Iterator[dict[str, Sequence[str]]]:
    """Cells by column of some rows at a time, at least of one; raises DataError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for _, block in column_blocks(lines, _named, _ROWS):
                yield block
    except RequestInvalid as error:
        raise DataError(f"{path}: {error}") from error


def _named(cells: Sequence[str]) -> list[str]:
    """The names of all columns; a column without one is called after its place."""
    if len(cells) == 1 and any(mark in cells[0] for mark in ";\t|"):
        raise RequestInvalid(f"expected columns separated by commas, got one column {cells[0]!r}")
    names = [name.strip() or f"Unnamed: {place}" for place, name in enumerate(cells)]
    if twice := [name for name in names if names.count(name) > 1]:
        raise RequestInvalid(f"column {twice[0]!r} is named twice")
    return names
