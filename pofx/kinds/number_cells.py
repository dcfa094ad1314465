"""Cells of text that hold numbers, or nothing."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pofx.kinds.place import Place, row

_MISSING = ("", "NA")
_MOST_CHARACTERS = 40


def numbers_of_cells(cells: Sequence[str], name: str, place: Callable[[int], Place] = row) -> NDArray[np.float64]:
    """The numbers of a column, shape (n,), NaN for empty cells; RequestInvalid for the first cell that is none."""
    try:
        if "_" in "".join(cells):  # Python would read 1_000
            raise ValueError
        return np.array(list(map(float, cells)))
    except ValueError:
        filled = ["nan" if cell.strip() in _MISSING else cell for cell in cells]
        index = next((index for index, cell in enumerate(filled) if not is_number(cell)), None)
        if index is None:
            return np.array(list(map(float, filled)))
        here = place(index).column(name)
        raise here.refusal(f"expected a number, got {cells[index][:_MOST_CHARACTERS]!r}", column=name) from None


def is_number(text: str) -> bool:
    """Whether a cell holds a number."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
