"""Rows of a table: named values and CSV text to arrays and back. Columns may come in any order."""

import csv
import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

import bundle
from service.errors import RequestInvalid

Rows = NDArray[np.float32]


def row_values(row: Mapping[str, float], spec: bundle.RowSpec, index: int) -> list[float]:
    """The values of a row in the order of the model's columns."""
    names = [column.name for column in spec.columns]
    _check_names(list(row), names, f"item {index}: ", index)
    return [row[name] for name in names]


def finite_rows(values: Sequence[Sequence[float]] | NDArray[np.floating], spec: bundle.RowSpec) -> Rows:
    """float32, shape (batch, features); raises RequestInvalid for the first value that is not a finite number."""
    with np.errstate(over="ignore"):
        rows = np.asarray(values, np.float32).reshape(-1, len(spec.columns))
    if not np.isfinite(rows).all():
        index, column = (int(place[0]) for place in np.nonzero(~np.isfinite(rows)))
        name = spec.columns[column].name
        raise RequestInvalid(f"item {index}, column {name!r}: expected a finite number", index=index, column=name)
    return rows


def decode_csv(content: bytes, spec: bundle.RowSpec) -> Rows:
    """The rows of a CSV text with a header line."""
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestInvalid(f"not CSV text in UTF-8: {error}") from error
    if not lines:
        raise RequestInvalid("expected a header line with the column names, got an empty body")
    header = [name.strip() for name in lines[0]]
    if len(header) == 1 < len(spec.columns) and any(mark in header[0] for mark in ";\t|"):
        raise RequestInvalid("header: expected columns separated by commas")
    _check_names(header, [column.name for column in spec.columns], "header: ", None)
    order = [header.index(column.name) for column in spec.columns]
    filled = [line for line in lines[1:] if line]
    return finite_rows([_numbers(line, index, header, order) for index, line in enumerate(filled)], spec)


def encode_csv(names: Sequence[str], columns: Sequence[Sequence[object]]) -> bytes:
    """CSV text with a header line; numbers that are not finite stay empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(value) for value in values] for values in zip(*columns, strict=True))
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if isinstance(value, float) and not math.isfinite(value) else value


def _numbers(line: list[str], index: int, header: list[str], order: list[int]) -> list[float]:
    if len(line) != len(header):
        raise RequestInvalid(f"row {index}: expected {len(header)} values, got {len(line)}", index=index)
    try:
        return [float(line[place]) for place in order]
    except ValueError:
        place = next(place for place in order if not _is_number(line[place]))
        raise RequestInvalid(
            f"row {index}, column {header[place]!r}: expected a number, got {line[place][:40]!r}",
            index=index,
            column=header[place],
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_names(got: Sequence[str], expected: Sequence[str], where: str, index: int | None) -> None:
    missing = [name for name in expected if name not in got]
    unknown = [name for name in got if name not in expected]
    if not missing and not unknown and len(got) == len(expected):
        return
    wrong = [
        f"{what} {', '.join(map(repr, names))}" for what, names in (("missing", missing), ("unknown", unknown)) if names
    ]
    raise RequestInvalid(
        f"{where}columns {' and '.join(wrong) or 'named twice'}", index=index, missing=missing, unknown=unknown
    )
