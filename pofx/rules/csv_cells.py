"""What a cell of a CSV file holds: a number, a name, or nothing."""

from collections.abc import Container, Sequence

import numpy as np
from numpy.typing import NDArray

from pofx.rules.names import as_compared

MISSING_WORDS = frozenset(
    (
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
"""What counts as a missing value, in a column of names unless it is one of them."""


class NoNumberError(ValueError):
    """A cell that holds something, and no number."""

    def __init__(self, index: int) -> None:
        super().__init__(f"cell {index} holds no number")
        self.index = index


def numbers_in(cells: Sequence[str]) -> NDArray[np.float64]:
    """The numbers of cells, shape (n,), NaN for missing ones; raises NoNumberError for the first that holds none."""
    try:
        if "_" in "".join(cells):  # Python would read 1_000
            raise ValueError
        return np.array(list(map(float, cells)), np.float64)
    except ValueError:
        filled = ["nan" if cell.strip() in MISSING_WORDS else cell for cell in cells]
        index = next((index for index, cell in enumerate(filled) if not is_number(cell)), None)
        if index is not None:
            raise NoNumberError(index) from None
        return np.array(list(map(float, filled)), np.float64)


def without_number(cells: Sequence[str]) -> list[int]:
    """The indices of cells that hold something, and no number."""
    return [index for index, cell in enumerate(cells) if not is_number(cell) and cell.strip() not in MISSING_WORDS]


def is_number(cell: str) -> bool:
    """Whether a cell holds a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def name_in(cell: str, known: Container[str] = ()) -> str | None:
    """The name in a cell, without space around it; None where it is missing."""
    name = as_compared(cell)
    return None if name in MISSING_WORDS and name not in known else name
