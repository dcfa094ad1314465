"""Tables as CSV text and back, in blocks of rows, so that a file of any length takes little memory."""

import csv
import io
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import MediaUnsupported, RequestInvalid
from pofx.kinds.category_names import codes_of_cells
from pofx.kinds.columns import Cells, Extra, TextColumns
from pofx.kinds.csv_header import Header, Unread, check_title, read_header
from pofx.kinds.decoded import Decoded
from pofx.kinds.encodings import text_of
from pofx.kinds.faults import Errors, Faults
from pofx.kinds.place import items_from, row
from pofx.kinds.row import check_names, numbers_of_cells, rows_of_columns, unread_note
from pofx.kinds.words import takes

Line = list[str]
Columns = dict[str, Sequence[str]]


@dataclass(frozen=True)
class CsvText:
    """A table as CSV text."""

    content: bytes
    extra: Extra = "refuse"

    @property
    def count(self) -> int:
        """At most that many rows."""
        feeds, returns, both = map(self.content.count, (b"\n", b"\r", b"\r\n"))
        return feeds + returns - both + (not self.content.endswith((b"\n", b"\r"))) - 1

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return len(self.content)

    def decode(self, spec: bundle.InputSpec, errors: Errors = "refuse") -> Decoded:
        """The rows."""
        if spec.kind != "row":
            raise MediaUnsupported(takes(spec))
        return decode_csv(self.content, spec, self.extra, errors)


def decode_csv(content: bytes, spec: bundle.RowSpec, extra: Extra = "refuse", errors: Errors = "refuse") -> Decoded:
    """The rows of a CSV text with a header line, and its columns as they came."""
    return next(csv_blocks(io.StringIO(text_of(content), newline=""), spec, extra, errors=errors))


def csv_blocks(
    lines: Iterable[str], spec: bundle.RowSpec, extra: Extra, rows: int | None = None, errors: Errors = "refuse"
) -> Iterator[Decoded]:
    """Blocks of that many rows, or all in one, with their columns as they came; raises RequestInvalid."""
    names = [column.name for column in spec.columns]

    def check(found: Sequence[str]) -> None:
        check_names(found, names, "header: ", None, extra)

    for block in column_blocks(lines, rows, names, check, errors):
        yield _decoded(block, spec)


@dataclass(frozen=True)
class CellBlock:
    """Cells by column of consecutive rows, the index of the first of them, and what of the text is not among them.

    A row of another length is at ``faults``, and its cells are empty.
    """

    first: int
    columns: Columns
    unread: Unread
    faults: Faults


def column_blocks(
    lines: Iterable[str],
    rows: int | None,
    known: Collection[str] = (),
    check: Callable[[Sequence[str]], None] = lambda _: None,
    errors: Errors = "refuse",
) -> Iterator[CellBlock]:
    """Blocks of that many rows, or of all; raises RequestInvalid.

    A column of ``known`` is called as there. ``check`` refuses names that are not right.
    """
    first = 0
    try:
        parsed = csv.reader(lines, strict=True)
        header = read_header(next(parsed, []), known)
        filled = _FilledLines(parsed, header)
        check(header.names)
        while block := filled.take(rows):
            faults = Faults(errors)
            _check_lengths(block, first, header.width, filled, faults)
            yield CellBlock(first, _by_column(block, header), filled.unread(block), faults)
            first += len(block)
    except csv.Error as error:
        raise RequestInvalid(f"not CSV text: {error}") from error
    if first == 0:
        raise RequestInvalid("expected at least one item, got no row below the header line", pointer="/inputs")


class _FilledLines:
    """The lines below a header that hold anything; the others are counted."""

    def __init__(self, parsed: Any, header: Header) -> None:
        self._parsed, self._header = parsed, header
        self._empty = 0
        self.odd_lines: deque[int] = deque()  # those of another length, as an editor numbers them
        self._lines = self._filled()
        self._ahead = list(islice(self._lines, 1))
        if self._ahead:
            check_title(header, self._ahead[0], parsed.line_num)

    def _filled(self) -> Iterator[Line]:
        for line in self._parsed:
            if not any(map(str.strip, line)):
                self._empty += bool(line)
                continue
            if len(line) != self._header.width:
                self.odd_lines.append(self._parsed.line_num)
            yield line

    def take(self, rows: int | None) -> list[Line]:
        """The next lines, at most that many."""
        found = list(islice(chain(self._ahead, self._lines), rows))
        self._ahead = list(islice(self._lines, 1))
        return found

    def unread(self, lines: Sequence[Line]) -> Unread:
        """What is not read of these lines and of those around them that are empty."""
        empty, self._empty = self._empty, 0
        return Unread.of(self._header, lines, empty)


def _check_lengths(lines: list[Line], first: int, width: int, filled: _FilledLines, faults: Faults) -> None:
    """Takes the lines of another length than the header, and puts empty cells in their place."""
    for index, line in enumerate(lines):
        if len(line) != width:
            place = row(first + index)
            words = _other_length(line, width, filled.odd_lines.popleft())
            faults.take(index, place, place.refusal(words))
            lines[index] = [""] * width


def _by_column(lines: list[Line], header: Header) -> Columns:
    columns = list(zip(*lines, strict=True))
    return {name: columns[place] for name, place in zip(header.names, header.places, strict=True)}


def _other_length(line: Line, expected: int, number: int) -> str:
    much = "; is there a comma too many at its end?" if len(line) > expected and not line[-1].strip() else ""
    return f"expected {expected} values, got {len(line)} in line {number}{much}"


def _decoded(block: CellBlock, spec: bundle.RowSpec) -> Decoded:
    """The rows of a block."""
    texts, place, faults = block.columns, items_from(block.first), block.faults
    values = [_read(texts[column.name], column, block.first, faults) for column in spec.columns]
    numbers = {column.name: read for column, read in zip(spec.columns, values, strict=True) if not column.categories}
    names = {column.name for column in spec.columns}
    unknown = [name for name in texts if name not in names]
    notes = (*unread_note(unknown), *block.unread.notes())
    return Decoded(rows_of_columns(values, spec, place, faults), notes, TextColumns(texts, numbers), faults=faults)


def _read(cells: Sequence[str], column: bundle.Column, first: int, faults: Faults) -> NDArray[np.float64]:
    if column.categories:
        return codes_of_cells(cells, column, items_from(first), faults)
    return numbers_of_cells(cells, column.name, lambda index: row(first + index), faults)


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
