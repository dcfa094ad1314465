"""Rows of a table: named values and CSV text to arrays and back. Columns may come in any order."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.categories import check_codes, code_of, codes_of_cells, codes_of_names
from pofx.kinds.columns import Cells, Extra, PlainColumns, TextColumns
from pofx.kinds.place import Place
from pofx.kinds.words import MARGINALISING

Rows = NDArray[np.float32]

_MISSING = ("", "NA")  # cells
_MOST_NAMES, _MOST_CHARACTERS = 20, 40  # of what was sent, in the words of an answer


def row_values(
    row: Mapping[str, float | str | None], spec: bundle.RowSpec, index: int, extra: Extra = "refuse"
) -> list[float]:
    """The values of a row in the order of the model's columns, codes for names; NaN where one is null."""
    check_names(list(row), [column.name for column in spec.columns], f"item {index}: ", index, extra)
    return [_value(row[column.name], column, spec, index) for column in spec.columns]


def _value(value: float | str | None, column: bundle.Column, spec: bundle.RowSpec, index: int) -> float:
    if isinstance(value, float) and not column.categories:  # nearly always: what follows takes ten times as long
        return value
    here = Place(f"item {index}", f"/inputs/{index}/row", index).column(column.name, column.name)
    if value is not None:
        return number_or_code(value, column, here)
    if spec.missing == "refused":
        raise here.refusal(_wrong(math.nan, column))
    return math.nan


def number_or_code(value: float | str, column: bundle.Column, here: Place) -> float:
    """What a column holds of a value in JSON; raises RequestInvalid."""
    if column.categories:
        return code_of(value, column, here)
    if isinstance(value, str):
        raise here.refusal(f"expected a number, got {value[:_MOST_CHARACTERS]!r}", column=column.name)
    return value


def finite_rows(values: Sequence[Sequence[float]] | NDArray[np.floating], spec: bundle.RowSpec) -> Rows:
    """float32, shape (batch, features); raises RequestInvalid for the first value that is not a finite number.

    So it does for the first that should be the code of a category and is none. NaN stands for a missing value, and
    stays where the model marginalises over it.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.asarray(values, np.float32).reshape(-1, len(spec.columns))
    right = np.isfinite(rows)
    if spec.missing == "marginalised" and not right.all():
        right |= np.isnan(rows)
    if not right.all():
        index, place = (int(found[0]) for found in np.nonzero(~right))
        column = spec.columns[place]
        detail = f"item {index}, column {column.name!r}: {_wrong(float(values[index][place]), column)}"
        raise RequestInvalid(detail, index=index, column=column.name)
    check_codes(rows, spec)
    return rows


def _wrong(value: float, column: bundle.Column) -> str:
    if not math.isnan(value):
        return f"expected a finite number in the range of float32, got {value:g}"
    expected = "a category" if column.categories else "a number"
    return (
        f"expected {expected}, got a missing value; this model cannot marginalise over it, models of the families "
        f"{', '.join(MARGINALISING)} can"
    )


def decode_csv(content: bytes, spec: bundle.RowSpec, extra: Extra = "refuse") -> tuple[Rows, TextColumns]:
    """The rows of a CSV text with a header line, and its columns as they came."""
    names = [column.name for column in spec.columns]
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = _header(next(lines, []), names, extra)
        texts = _by_column([line for line in lines if line], header)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestInvalid(f"not CSV text in UTF-8: {error}") from error
    values = [_read(texts[column.name], column) for column in spec.columns]
    numbers = {column.name: read for column, read in zip(spec.columns, values, strict=True) if not column.categories}
    return finite_rows(np.stack(values, axis=1), spec), TextColumns(texts, numbers)


def _read(cells: Sequence[str], column: bundle.Column) -> NDArray[np.float64]:
    return codes_of_cells(cells, column) if column.categories else _numbers(cells, column.name)


def decode_named(
    table: Mapping[str, Any], spec: bundle.RowSpec, extra: Extra = "refuse"
) -> tuple[Rows, PlainColumns, tuple[str, ...]]:
    """The rows of columns by name, (n,) each; the columns as they came, and the names of those that are not read."""
    names = [column.name for column in spec.columns]
    check_names(list(table), names, "", None, extra)
    values = [_named(table[column.name], column) for column in spec.columns]
    unread = tuple(name for name in table if name not in names)
    return finite_rows(np.stack(values, axis=1), spec), PlainColumns(table), unread


def _named(values: Any, column: bundle.Column) -> NDArray[np.float64]:
    """The numbers of a column, or the codes of its names, shape (n,)."""
    array = np.asarray(values)
    if column.categories:
        return codes_of_names([_name(value) for value in array.tolist()], column)
    if array.dtype.kind not in "fiub":
        return _numbers(["" if value is None else str(value) for value in array.tolist()], column.name)
    return array.astype(np.float64)


def _name(value: object) -> str | None:
    """The text of a name: true and false as in JSON, a whole number beside missing ones as such; None for missing."""
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def encode_csv(columns: Mapping[str, Cells]) -> bytes:
    """CSV text with a header line; numbers that are not finite, and masked values, stay empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*map(_texts, columns.values()), strict=True))
    return text.getvalue().encode()


def unread_note(names: Sequence[str]) -> str:
    """What is said about columns that the model does not have."""
    return f"not read, since the model has no such columns: {listed(names)}"


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


def _header(cells: Sequence[str], names: Sequence[str], extra: Extra) -> list[str]:
    """The names of the columns; raises RequestInvalid."""
    header = [name.strip() for name in cells]
    if not header:
        raise RequestInvalid("expected a header line with the column names, got an empty line")
    if len(header) == 1 < len(names) and any(mark in header[0] for mark in ";\t|"):
        raise RequestInvalid("header: expected columns separated by commas")
    if all(map(_is_number, header)) and not set(header) <= set(names):
        raise RequestInvalid("expected a header line with the column names, got numbers")
    check_names(header, names, "header: ", None, extra)
    return header


def _by_column(lines: list[list[str]], header: Sequence[str]) -> dict[str, Sequence[str]]:
    for index, line in enumerate(lines):
        if len(line) != len(header):
            raise RequestInvalid(f"row {index}: expected {len(header)} values, got {len(line)}", index=index)
    if not lines:
        raise RequestInvalid("expected at least one item", pointer="/inputs")
    return dict(zip(header, zip(*lines, strict=True), strict=True))


def _numbers(cells: Sequence[str], name: str) -> NDArray[np.float64]:
    """The numbers of a column, shape (n,), NaN for empty cells; RequestInvalid for the first cell that is none."""
    try:
        if "_" in "".join(cells):  # Python would read 1_000
            raise ValueError
        return np.array(list(map(float, cells)))
    except ValueError:
        filled = ["nan" if cell.strip() in _MISSING else cell for cell in cells]
        index = next((index for index, cell in enumerate(filled) if not _is_number(cell)), None)
        if index is None:
            return np.array(list(map(float, filled)))
        raise RequestInvalid(
            f"row {index}, column {name!r}: expected a number, got {cells[index][:_MOST_CHARACTERS]!r}",
            index=index,
            column=name,
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _texts(cells: Cells) -> Sequence[object]:
    """What the writer turns into text without a look at every single cell."""
    if not isinstance(cells, np.ndarray):
        return cells
    values, empty = np.ma.getdata(cells), np.ma.getmaskarray(cells)
    if values.dtype.kind == "f":
        empty = empty | ~np.isfinite(values)
    shown = _shown(values)
    for place in np.flatnonzero(empty):
        shown[place] = ""
    return shown


def _shown(values: NDArray[Any]) -> list[object]:
    """The shortest text, or the number, that is read back as the same value."""
    if values.dtype.kind == "b":
        values = np.where(values, "true", "false")
    elif values.dtype == np.float32:
        values = values.astype(np.str_)
    shown: list[object] = values.tolist()
    return shown
