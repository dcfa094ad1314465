"""Tables as CSV text and back, in blocks of rows, so that a file of any length takes little memory."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import MediaUnsupported, RequestInvalid
from pofx.kinds.categories import codes_of_cells
from pofx.kinds.columns import Cells, Extra, TextColumns
from pofx.kinds.decoded import Decoded
from pofx.kinds.number_cells import is_number, numbers_of_cells
from pofx.kinds.place import items_from, row
from pofx.kinds.row import check_names, rows_of_columns, unread_note
from pofx.kinds.words import takes

Line = list[str]


@dataclass(frozen=True)
class CsvText:
    """A table as CSV text."""

    content: bytes
    extra: Extra = "refuse"

    @property
    def count(self) -> int:
        """At most that many rows."""
        return self.content.count(b"\n") + (not self.content.endswith(b"\n")) - 1

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return len(self.content)

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The rows."""
        if spec.kind != "row":
            raise MediaUnsupported(takes(spec))
        return decode_csv(self.content, spec, self.extra)


def decode_csv(content: bytes, spec: bundle.RowSpec, extra: Extra = "refuse") -> Decoded:
    """The rows of a CSV text with a header line, and its columns as they came."""
    try:
        lines = io.StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise _no_csv(error) from error
    return next(csv_blocks(lines, spec, extra))


def csv_blocks(lines: Iterable[str], spec: bundle.RowSpec, extra: Extra, rows: int | None = None) -> Iterator[Decoded]:
    """Blocks of that many rows, or all in one, with their columns as they came; raises RequestInvalid."""
    first = 0
    try:
        parsed = csv.reader(lines, strict=True)
        header = _header(next(parsed, []), [column.name for column in spec.columns], extra)
        filled = (line for line in parsed if line)
        while block := list(islice(filled, rows)):
            yield _block(block, header, spec, first)
            first += len(block)
    except (UnicodeDecodeError, csv.Error) as error:
        raise _no_csv(error) from error
    if first == 0:
        raise RequestInvalid("expected at least one item", pointer="/inputs")


def _no_csv(error: Exception) -> RequestInvalid:
    return RequestInvalid(f"not CSV text in UTF-8: {error}")


def _block(lines: list[Line], header: Sequence[str], spec: bundle.RowSpec, first: int) -> Decoded:
    """The rows of some lines, of which the first is the row ``first``."""
    texts = _by_column(lines, header, first)
    values = [_read(texts[column.name], column, first) for column in spec.columns]
    numbers = {column.name: read for column, read in zip(spec.columns, values, strict=True) if not column.categories}
    names = {column.name for column in spec.columns}
    unread = [name for name in header if name not in names]
    return Decoded(rows_of_columns(values, spec, items_from(first)), unread_note(unread), TextColumns(texts, numbers))


def _read(cells: Sequence[str], column: bundle.Column, first: int) -> NDArray[np.float64]:
    if column.categories:
        return codes_of_cells(cells, column, items_from(first))
    return numbers_of_cells(cells, column.name, lambda index: row(first + index))


def _header(cells: Sequence[str], names: Sequence[str], extra: Extra) -> list[str]:
    """The names of the columns; raises RequestInvalid."""
    header = [name.strip() for name in cells]
    if not header:
        raise RequestInvalid("expected a header line with the column names, got an empty line")
    if len(header) == 1 < len(names) and any(mark in header[0] for mark in ";\t|"):
        raise RequestInvalid("header: expected columns separated by commas")
    if all(map(is_number, header)) and not set(header) <= set(names):
        raise RequestInvalid("expected a header line with the column names, got numbers")
    check_names(header, names, "header: ", None, extra)
    return header


def _by_column(lines: list[Line], header: Sequence[str], first: int) -> dict[str, Sequence[str]]:
    for index, line in enumerate(lines):
        if len(line) != len(header):
            raise row(first + index).refusal(f"expected {len(header)} values, got {len(line)}")
    return dict(zip(header, zip(*lines, strict=True), strict=True))


def encode_csv(columns: Mapping[str, Cells]) -> bytes:
    """CSV text with a header line; numbers that are not finite, and masked values, stay empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*map(_texts, columns.values()), strict=True))
    return text.getvalue().encode()


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
