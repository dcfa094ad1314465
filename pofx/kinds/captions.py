"""What tables named captions.csv say about the files of a folder: a label, or a caption.

A row is about the file whose path below the table's folder it names, with slashes either way; where there is none such,
about the one file of which its path is the end, or whose path is the end of its own. Nothing else is guessed.
"""

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pofx.errors import RequestInvalid
from pofx.kinds.folder import Folder

CAPTIONS = "captions.csv"
_FILE = "file"
_SHOWN = 3


@dataclass(frozen=True)
class Captions:
    """What a column says of each of some files, in their order, and which rows are about none of them."""

    values: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    file: str
    value: str
    place: str


def tables(found: Folder) -> list[str]:
    """The names of all tables that describe files, one a folder at most."""
    return [name for name in found.names if PurePosixPath(name).name == CAPTIONS]


def has_column(found: Folder, table: str, column: str) -> bool:
    """Whether one of these tables has a column."""
    return column in _header(csv.reader(io.StringIO(_text(table, found.read(table)), newline="")))


def captions_of(found: Folder, files: Sequence[str], column: str) -> Captions:
    """The value of every file; raises RequestInvalid where one has none, or two that differ."""
    if not tables(found):
        raise RequestInvalid(f"no {CAPTIONS}, so labels cannot come from its column {column!r}")
    said: dict[str, _Row] = {}
    strays: list[_Row] = []
    for table in tables(found):
        places = _Places(PurePosixPath(table).parent, files)
        for row in _rows(table, found.read(table), column):
            file = places.file_of(row)
            if file is None:
                strays.append(row)
            else:
                _check(row, said.setdefault(file, row), file, column)
    _check_all_said(files, said, strays)
    return Captions(tuple(said[file].value for file in files), _about(strays))


class _Places:
    """The files below a folder, by what their paths end in."""

    def __init__(self, folder: PurePosixPath, files: Iterable[str]) -> None:
        self._ends: dict[tuple[str, ...], list[str]] = {}
        self._whole: dict[tuple[str, ...], str] = {}
        for file in files:
            path = PurePosixPath(file)
            if path.is_relative_to(folder):
                parts = path.relative_to(folder).parts
                self._whole[parts] = file
                for first in range(len(parts)):
                    self._ends.setdefault(parts[first:], []).append(file)

    def file_of(self, row: _Row) -> str | None:
        """The file that a row is about; raises RequestInvalid where it could be about several."""
        parts = PurePosixPath(row.file).parts
        if parts in self._whole:
            return self._whole[parts]
        if len(could := self._ends.get(parts, [])) > 1:
            raise RequestInvalid(
                f"{row.place}: {row.file!r} could be {' or '.join(could[:_SHOWN])}; write the path below the folder"
            )
        ends = (self._whole.get(parts[first:]) for first in range(1, len(parts)))
        return could[0] if could else next((file for file in ends if file is not None), None)


def _rows(table: str, content: bytes, column: str) -> Iterator[_Row]:
    lines = csv.reader(io.StringIO(_text(table, content), newline=""))
    header = _header(lines)
    if not {_FILE, column} <= set(header):
        there = ", ".join(header) or "nothing"
        raise RequestInvalid(
            f"{table} needs the columns {_FILE!r} and {column!r}, separated by commas; there is {there}"
        )
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        place = f"{table}, line {lines.line_num}"
        if len(cells) != len(header):
            raise RequestInvalid(f"{place}: expected {len(header)} cells, got {len(cells)}")
        row = dict(zip(header, cells, strict=True))
        file, value = _typed(row[_FILE]).replace("\\", "/"), _typed(row[column])
        if not file or not value:
            raise RequestInvalid(f"{place}: expected a {column} of {file or 'a file'}, got an empty cell")
        yield _Row(file, value, place)


def _header(lines: Iterator[list[str]]) -> list[str]:
    return [cell.strip() for cell in next(lines, [])]


def _typed(cell: str) -> str:
    return unicodedata.normalize("NFC", cell.strip())


def _text(table: str, content: bytes) -> str:
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise RequestInvalid(f"{table}: expected text in UTF-8, got UTF-16; save it as UTF-8 (in Excel 'CSV UTF-8')")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestInvalid(
            f"{table}: expected text in UTF-8, got another encoding (Excel in Korea writes CP949); save it as UTF-8 "
            "(in Excel 'CSV UTF-8')"
        ) from error


def _check(row: _Row, earlier: _Row, file: str, column: str) -> None:
    if row.value != earlier.value:
        raise RequestInvalid(
            f"{row.place}: {file} has the {column} {row.value!r} here and {earlier.value!r} in {earlier.place}; "
            "leave one of them out"
        )


def _check_all_said(files: Sequence[str], said: dict[str, _Row], strays: list[_Row]) -> None:
    missing = [file for file in files if file not in said]
    if not missing:
        return
    others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
    alike = {row.file.casefold(): row for row in strays}.get(missing[0].casefold())
    hint = f"; {alike.place} has {alike.file!r}, which differs in capitals" if alike else ""
    raise RequestInvalid(f"{CAPTIONS} has no row for {missing[0]}{others}{hint}")


def _about(strays: list[_Row]) -> tuple[str, ...]:
    if not strays:
        return ()
    shown = ", ".join(row.file for row in strays[:_SHOWN]) + (", …" if len(strays) > _SHOWN else "")
    return (f"{CAPTIONS}: {len(strays)} rows are about no file that is there ({shown})",)
