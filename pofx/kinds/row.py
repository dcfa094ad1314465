"""Rows of a table: named values and columns to arrays. Columns may come in any order."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.category_names import check_codes, code_of, codes_of_names, names_of
from pofx.kinds.columns import Extra, PlainColumns
from pofx.kinds.faults import REFUSE, Faults
from pofx.kinds.place import Place, item
from pofx.kinds.place import row as row_place
from pofx.kinds.words import MARGINALISING
from pofx.rules.arrays import Array
from pofx.rules.categories import name_of
from pofx.rules.csv_cells import NoNumberError, numbers_in, without_number
from pofx.rules.names import as_compared

Rows = NDArray[np.float32]

_MOST_NAMES, _MOST_CHARACTERS = 20, 40  # of what was sent, in the words of an answer


def row_values(
    row: Mapping[str, float | str | bool | None],
    spec: bundle.RowSpec,
    index: int,
    extra: Extra = "refuse",
    faults: Faults = REFUSE,
) -> list[float]:
    """The values of a row in the order of the model's columns, codes for names; NaN where one is null."""
    names = [column.name for column in spec.columns]
    if any(name not in row for name in names):
        row = dict(zip(spelled(row, names), row.values(), strict=True))
    check_names(list(row), names, f"item {index}: ", index, extra)
    return [_value(row[column.name], column, spec, index, faults) for column in spec.columns]


def _value(
    value: float | str | bool | None, column: bundle.Column, spec: bundle.RowSpec, index: int, faults: Faults
) -> float:
    if isinstance(value, float) and not column.categories:  # nearly always: what follows takes ten times as long
        return value
    here = Place(f"item {index}", f"/inputs/{index}/row", index).column(column.name, column.name)
    if value is not None:
        return number_or_code(value, column, here, faults)
    if spec.missing == "refused":
        raise here.refusal(_wrong(math.nan, column))
    return math.nan


def number_or_code(value: float | str | bool, column: bundle.Column, here: Place, faults: Faults = REFUSE) -> float:
    """What a column holds of a value in JSON; raises RequestInvalid."""
    if column.categories:
        return code_of(value, column, here, faults)
    if isinstance(value, str | bool):
        raise here.refusal(f"expected a number, got {str(value)[:_MOST_CHARACTERS]!r}", column=column.name)
    return value


def finite_rows(
    values: Sequence[Sequence[float]] | NDArray[np.floating],
    spec: bundle.RowSpec,
    place: Callable[[int], Place] = item,
    faults: Faults = REFUSE,
) -> Rows:
    """float32, shape (batch, features); raises RequestInvalid for the first value that is not a finite number.

    So it does for the first that should be the code of a category and is none. NaN stands for a missing value, and
    stays where the model marginalises over it. ``place`` is that of a row, and ``faults`` may take what is wrong.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.asarray(values, np.float32).reshape(-1, len(spec.columns))
    _check_rows(rows, spec, place, lambda index, column: float(values[index][column]), faults)
    return rows


def rows_of_columns(
    values: Sequence[NDArray[np.number]],
    spec: bundle.RowSpec,
    place: Callable[[int], Place] = item,
    faults: Faults = REFUSE,
) -> Rows:
    """The same from columns, each of shape (batch,), in the order of the model's."""
    rows = np.empty((len(values[0]), len(values)), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for number, column in enumerate(values):
            rows[:, number] = column
    _check_rows(rows, spec, place, lambda index, column: float(values[column][index]), faults)
    return rows


def _check_rows(
    rows: Rows,
    spec: bundle.RowSpec,
    place: Callable[[int], Place],
    sent: Callable[[int, int], float],
    faults: Faults,
) -> None:
    right = np.isfinite(rows)
    if spec.missing == "marginalised" and not right.all():
        right |= np.isnan(rows)
    if not right.all():
        for index in np.flatnonzero(~right.all(axis=1)).tolist():
            number = int(right[index].argmin())
            column, here = spec.columns[number], place(index)
            words = _wrong(sent(index, number), column)
            faults.take(index, here, here.column(column.name).refusal(words, column=column.name))
    check_codes(rows, spec, place, faults)


def _wrong(value: float, column: bundle.Column) -> str:
    if not math.isnan(value):
        return f"expected a finite number in the range of float32, got {value:g}"
    expected = "a category" if column.categories else "a number"
    return (
        f"expected {expected}, got a missing value; this model cannot marginalise over it, models of the families "
        f"{', '.join(MARGINALISING)} can"
    )


def columns_of(rows: Array, spec: bundle.RowSpec) -> PlainColumns:
    """The model's columns of rows of shape (n, features), with the names of categories."""
    pairs = zip(spec.columns, rows.T, strict=True)
    return PlainColumns(
        {column.name: names_of(values, column) if column.categories else values for column, values in pairs}
    )


def decode_named(
    table: Mapping[str, Any], spec: bundle.RowSpec, extra: Extra = "refuse", faults: Faults = REFUSE
) -> tuple[Rows, PlainColumns, tuple[str, ...]]:
    """The rows of columns by name, (n,) each; the columns as they came, and the names of those that are not read."""
    names = [column.name for column in spec.columns]
    found = spelled(table, names)
    check_names(found, names, "", None, extra)
    table = dict(zip(found, table.values(), strict=True))
    values = [_named(table[column.name], column, faults) for column in spec.columns]
    unread = tuple(name for name in table if name not in names)
    return rows_of_columns(values, spec, faults=faults), PlainColumns(table), unread


def _named(values: Any, column: bundle.Column, faults: Faults) -> NDArray[np.float64]:
    """The numbers of a column, or the codes of its names, shape (n,)."""
    array = np.asarray(values)
    if column.categories:
        return codes_of_names([name_of(value) for value in array.tolist()], column, faults=faults)
    if array.dtype.kind not in "fiub":
        cells = ["" if value is None else str(value) for value in array.tolist()]
        return numbers_of_cells(cells, column.name, faults=faults)
    return array.astype(np.float64)


def numbers_of_cells(
    cells: Sequence[str], name: str, place: Callable[[int], Place] = row_place, faults: Faults = REFUSE
) -> NDArray[np.float64]:
    """The numbers of a column, shape (n,), NaN for missing ones; RequestInvalid for the first cell that holds none."""
    try:
        return numbers_in(cells)
    except NoNumberError as error:
        wrong = {index: cells[index] for index in (without_number(cells) if faults.kept else [error.index])}
    for index, cell in wrong.items():
        here = place(index)
        words = f"expected a number, got {cell[:_MOST_CHARACTERS]!r}"
        faults.take(index, here, here.column(name).refusal(words, column=name))
    return numbers_in(["" if index in wrong else cell for index, cell in enumerate(cells)])


def spelled(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """The names; one that is known, but for space around it or letters in parts (NFD), is spelled as there."""
    own = {as_compared(name): name for name in known}
    return [own.get(as_compared(name), name) for name in names]


def unread_note(names: Sequence[str]) -> tuple[str, ...]:
    """What is said about columns that the model does not have; nothing where there are none."""
    return (f"not read, since the model has no such columns: {listed(names)}",) if names else ()


def listed(names: Sequence[str]) -> str:
    """Some of the names, each of a bounded length."""
    more = "" if len(names) <= _MOST_NAMES else f" and {len(names) - _MOST_NAMES} more"
    return ", ".join(repr(name[:_MOST_CHARACTERS]) for name in names[:_MOST_NAMES]) + more


def check_names(got: Sequence[str], expected: Sequence[str], where: str, index: int | None, extra: Extra) -> None:
    """Raises RequestInvalid unless each expected name is there once, and no other unless extra ones are kept."""
    found, known = set(got), set(expected)
    missing = [name for name in expected if name not in found]
    unknown = [name for name in got if name not in known and extra == "refuse"]
    if not missing and not unknown and len(got) == len(found):
        return
    wrong = [f"{what} {listed(names)}" for what, names in (("missing", missing), ("unknown", unknown)) if names]
    hint = "; extra=keep passes unknown ones on" if unknown and not missing else ""
    raise RequestInvalid(
        f"{where}columns {' and '.join(wrong) or 'named twice'}{hint}",
        index=index,
        missing=missing[:_MOST_NAMES],
        unknown=[name[:_MOST_CHARACTERS] for name in unknown[:_MOST_NAMES]],
    )
