"""Columns of a table that hold categories: names outside, their codes inside; a code is a place among the names."""

import difflib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.place import Place, item
from pofx.rules.arrays import Array
from pofx.rules.categories import UNKNOWN, are_truths, codes_of, name_of
from pofx.rules.csv_cells import name_in
from pofx.rules.names import as_compared

_MOST_NAMES, _MOST_NEAR, _MOST_CHARACTERS = 20, 3, 40

Names = list[str | None]
"""Names of a column, None where a value is missing."""


def codes_of_cells(
    cells: Sequence[str], column: bundle.Column, place: Callable[[int], Place] = item
) -> NDArray[np.float64]:
    """The codes of cells of CSV, shape (n,), NaN for missing ones; raises RequestInvalid for the first unknown name."""
    return codes_of_names([name_in(cell, column.categories) for cell in cells], column, place)


def codes_of_names(names: Names, column: bundle.Column, place: Callable[[int], Place] = item) -> NDArray[np.float64]:
    """The codes of names, shape (n,), NaN for missing ones; raises RequestInvalid for the first unknown name."""
    codes = codes_of(names, column.categories)
    unknown = codes == UNKNOWN
    if unknown.any():
        index = int(unknown.argmax())
        raise _unknown(str(names[index]), column, place(index).column(column.name))
    return codes


def code_of(value: object, column: bundle.Column, here: Place) -> float:
    """The code of a name in JSON, which in a column of true and false need not be text; raises RequestInvalid."""
    read = name_of(value) if isinstance(value, bool | int | float) and are_truths(column.categories) else value
    if not isinstance(read, str):
        raise here.refusal(f"expected the name of a category, got {str(value)[:_MOST_CHARACTERS]}", column=column.name)
    name = as_compared(read)
    (code,) = codes_of([name], column.categories)
    if code == UNKNOWN:
        raise _unknown(name, column, here)
    return float(code)


def codes_in(values: list[Any], spec: bundle.RowSpec, here: Place) -> list[Any]:
    """The values of a row with codes for its names, None where they are None; another number of values stays as it is.

    Raises RequestInvalid.
    """
    if len(values) != len(spec.columns):
        return values
    pairs = enumerate(zip(values, spec.columns, strict=True))
    return [
        code_of(value, column, here.column(column.name, place)) if column.categories and value is not None else value
        for place, (value, column) in pairs
    ]


def names_of(codes: Array, column: bundle.Column) -> Names:
    """The names of codes of shape (n,)."""
    return [None if math.isnan(code) else column.categories[int(code)] for code in codes.tolist()]


def check_codes(rows: Array, spec: bundle.RowSpec, place: Callable[[int], Place] = item) -> None:
    """Raises RequestInvalid for the first value of rows (batch, features) that should be a code and is none."""
    for number, column in enumerate(spec.columns):
        if column.categories:
            values = rows[:, number]
            wrong = ~np.isnan(values) & (
                (values < 0) | (values >= len(column.categories)) | (values != np.rint(values))
            )
            if wrong.any():
                raise _wrong_code(float(values[wrong][0]), column, place(int(wrong.argmax())))


def _unknown(name: str, column: bundle.Column, here: Place) -> RequestInvalid:
    near, known = _nearest(name, column.categories), column.categories[:_MOST_NAMES]
    hint = f", did you mean {' or '.join(map(repr, near))}?" if near else ";"
    more = "" if len(column.categories) <= _MOST_NAMES else f" and {len(column.categories) - _MOST_NAMES} more"
    listed = ", ".join(repr(other[:_MOST_CHARACTERS]) for other in known) + more
    return here.refusal(
        f"no category {name[:_MOST_CHARACTERS]!r}{hint} this column has: {listed}",
        column=column.name,
        value=name[:_MOST_CHARACTERS],
        nearest=near,
        categories=[other[:_MOST_CHARACTERS] for other in known],
    )


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    """At most three known names that are spelled alike, in any case of letters, the nearest first."""
    lower = {other[:_MOST_CHARACTERS].lower(): other for other in reversed(known)}
    found = difflib.get_close_matches(name[:_MOST_CHARACTERS].lower(), lower, _MOST_NEAR)
    return [lower[other][:_MOST_CHARACTERS] for other in found]


def _wrong_code(value: float, column: bundle.Column, here: Place) -> RequestInvalid:
    return here.column(column.name).refusal(
        f"expected the code of a category, a whole number from 0 to {len(column.categories) - 1}, got {value:g}",
        column=column.name,
    )
