"""Columns of a table that hold categories: names outside, their codes inside; a code is a place among the names."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.faults import REFUSE, Faults
from pofx.kinds.place import Place, item
from pofx.rules.arrays import Array
from pofx.rules.categories import UNKNOWN, are_truths, codes_of, name_of
from pofx.rules.csv_cells import name_in
from pofx.rules.names import as_compared

_MOST_NAMES, _MOST_NEAR, _MOST_CHARACTERS = 20, 3, 40

Names = list[str | None]
"""Names of a column, None where a value is missing."""


def codes_of_cells(
    cells: Sequence[str], column: bundle.Column, place: Callable[[int], Place] = item, faults: Faults = REFUSE
) -> NDArray[np.float64]:
    """The codes of cells of CSV, shape (n,), as ``codes_of_names`` gives them."""
    return codes_of_names([name_in(cell, column.categories) for cell in cells], column, place, faults)


def codes_of_names(
    names: Names, column: bundle.Column, place: Callable[[int], Place] = item, faults: Faults = REFUSE
) -> NDArray[np.float64]:
    """The codes of names, shape (n,), NaN for missing ones, UNKNOWN for those at ``faults``; raises RequestInvalid."""
    codes = codes_of(names, column.categories)
    for index in np.flatnonzero(codes == UNKNOWN).tolist():
        _take_unknown(index, str(names[index]), column, place(index).column(column.name), faults)
    return codes


def _take_unknown(index: int, name: str, column: bundle.Column, here: Place, faults: Faults) -> None:
    if not faults.kept:
        raise _unknown(name, column, here)
    faults.take_unseen(index, column.name, name[:_MOST_CHARACTERS])


def code_of(value: object, column: bundle.Column, here: Place, faults: Faults = REFUSE) -> float:
    """The code of a name in JSON, UNKNOWN for one at ``faults``; raises RequestInvalid.

    In a column of true and false it need not be text.
    """
    read = name_of(value) if isinstance(value, bool | int | float) and are_truths(column.categories) else value
    if not isinstance(read, str):
        raise here.refusal(f"expected the name of a category, got {str(value)[:_MOST_CHARACTERS]}", column=column.name)
    name = as_compared(read)
    (code,) = codes_of([name], column.categories)
    if code == UNKNOWN:
        _take_unknown(here.index or 0, name, column, here, faults)
    return float(code)


def codes_in(values: list[Any], spec: bundle.RowSpec, here: Place, faults: Faults = REFUSE) -> list[Any]:
    """The values of a row with codes for its names, None where they are None; another number of values stays as it is.

    Raises RequestInvalid.
    """
    if len(values) != len(spec.columns):
        return values
    pairs = enumerate(zip(values, spec.columns, strict=True))
    return [
        code_of(value, column, here.column(column.name, place), faults)
        if column.categories and value is not None
        else value
        for place, (value, column) in pairs
    ]


def names_of(codes: Array, column: bundle.Column) -> Names:
    """The names of codes of shape (n,); None for what is no code."""
    names = dict(enumerate(column.categories))
    return [names.get(code) for code in codes.tolist()]


def check_codes(
    rows: Array, spec: bundle.RowSpec, place: Callable[[int], Place] = item, faults: Faults = REFUSE
) -> None:
    """Takes the values of rows (batch, features) that should be codes and are none; raises RequestInvalid."""
    unseen = list(faults.unseen)
    for number, column in enumerate(spec.columns):
        if column.categories:
            values = rows[:, number]
            wrong = ~np.isnan(values) & (
                (values < 0) | (values >= len(column.categories)) | (values != np.rint(values))
            )
            wrong[unseen] &= values[unseen] != UNKNOWN
            for index in np.flatnonzero(wrong).tolist():
                faults.take(index, place(index), _wrong_code(float(values[index]), column, place(index)))


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
