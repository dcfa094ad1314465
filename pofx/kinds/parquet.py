"""Tables as Parquet files and back. Optional, since it needs pyarrow.

What a service is sent is read in a process of its own (``parquet_process``); files of one's own are read here.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import MediaUnsupported, RequestInvalid
from pofx.kinds.category_names import codes_of_names
from pofx.kinds.columns import Cells, Extra
from pofx.kinds.decoded import Decoded
from pofx.kinds.faults import Errors, Faults
from pofx.kinds.parquet_process import damaged, worker
from pofx.kinds.parquet_worker import is_text
from pofx.kinds.place import Place, item, items_from
from pofx.kinds.row import check_names, numbers_of_cells, rows_of_columns, spelled, unread_note
from pofx.kinds.words import takes
from pofx.rules.categories import name_of

_BUFFER_BYTES = 1024 * 1024
ROW_NUMBERS = re.compile(r"__index_level_\d+__")  # how pandas calls an index without a name; no model has it
_WAITED_FOR = 64 * 1024 + 1
_FAILURES = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError)


@dataclass(frozen=True)
class ParquetFile:
    """A table as Parquet file whose footer has been read, by another process."""

    content: bytes
    count: int
    schema: pa.Schema
    extra: Extra

    @classmethod
    def parse(cls, content: bytes, extra: Extra) -> "ParquetFile":
        """The file with its number of rows and its schema; raises RequestInvalid or TooLarge."""
        rows, schema = worker().look(content)
        return cls(content, rows, pa.ipc.read_schema(pa.py_buffer(schema)), extra)

    @property
    def size(self) -> int:
        """Bytes of the file, but so many that nobody waits for the other process in a thread that serves others."""
        return max(len(self.content), _WAITED_FOR)

    def decode(self, spec: bundle.InputSpec, errors: Errors = "refuse") -> Decoded:
        """The rows, and all columns as they came."""
        if spec.kind != "row":
            raise MediaUnsupported(takes(spec))
        _check_schema(_spelled(self.schema, spec), spec, self.extra, errors)
        table = pa.ipc.open_stream(worker().read(self.content)).read_all()
        return _decoded(table, spec, item, errors)


def count_rows(path: Path) -> int:
    """The number of rows of a file of one's own; raises RequestInvalid."""
    with _opened(path) as file:
        rows: int = file.metadata.num_rows
        return rows


def parquet_blocks(
    path: Path, spec: bundle.RowSpec, extra: Extra, rows: int | None, errors: Errors = "refuse"
) -> Iterator[Decoded]:
    """Blocks of that many rows, or all in one, of a file of one's own, which is trusted; raises RequestInvalid."""
    first = 0
    with _opened(path) as file:
        _check_schema(_spelled(file.schema_arrow, spec), spec, extra, errors)
        try:
            for table in _tables(file, rows):
                yield _decoded(table, spec, items_from(first), errors)
                first += len(table)
        except _FAILURES as error:
            raise damaged("its columns cannot be read") from error
    if first == 0:
        raise RequestInvalid("expected at least one item", pointer="/inputs")


def _tables(file: pq.ParquetFile, rows: int | None) -> Iterator[pa.Table]:
    if rows is not None:
        return (pa.Table.from_batches([batch]) for batch in file.iter_batches(rows))
    return iter([file.read()] if file.metadata.num_rows else [])


def _opened(path: Path) -> pq.ParquetFile:
    """The file, to be read a buffer at a time, since a row group may be larger than memory."""
    try:
        return pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except _FAILURES as error:
        raise RequestInvalid("not a Parquet file, or a damaged one") from error


def _decoded(table: pa.Table, spec: bundle.RowSpec, place: Callable[[int], Place], errors: Errors) -> Decoded:
    """The model's rows of a table, and all its columns as they came."""
    found = spelled(table.column_names, [column.name for column in spec.columns])
    table = table.rename_columns(found)
    faults = Faults(errors)
    values = [_values(table.column(column.name), column, place, faults) for column in spec.columns]
    names = {column.name for column in spec.columns}
    unread = [name for name in table.column_names if name not in names]
    rows = rows_of_columns(values, spec, place, faults)
    return Decoded(rows, unread_note(unread), ArrowColumns(table), faults=faults)


@dataclass(frozen=True)
class ArrowColumns:
    """Columns as a Parquet file holds them."""

    table: pa.Table

    def cells(self) -> Mapping[str, Cells]:
        """Every value as text; missing ones are empty."""
        return {name: _texts(self.table.column(name)) for name in self.table.column_names}

    def typed(self) -> Mapping[str, Any]:
        """The columns with their types."""
        return {name: self.table.column(name) for name in self.table.column_names}


def arrow_table(columns: Mapping[str, Any]) -> pa.Table:
    """Columns (n,) as an Arrow table, lists as text; masked values are missing."""
    return pa.table([_as_arrow(column) for column in columns.values()], names=list(columns))


def _as_arrow(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        return column
    return pa.array(column, pa.large_string() if isinstance(column, list) else None)


def encode_parquet(columns: Mapping[str, Any]) -> bytes:
    """A Parquet file; masked values are missing."""
    buffer = io.BytesIO()
    pq.write_table(arrow_table(columns), buffer)
    return buffer.getvalue()


def _check_schema(schema: pa.Schema, spec: bundle.RowSpec, extra: Extra, errors: Errors) -> None:
    """Raises RequestInvalid for columns that are missing, unknown, or of another type than the model takes."""
    names = [column.name for column in spec.columns]
    check_names([name for name in schema.names if not ROW_NUMBERS.fullmatch(name)], names, "", None, extra)
    _check_types(schema, {column.name: column for column in spec.columns}, errors)


def _spelled(schema: pa.Schema, spec: bundle.RowSpec) -> pa.Schema:
    """The schema with the model's columns called as the model does."""
    found = spelled(schema.names, [column.name for column in spec.columns])
    return pa.schema([field.with_name(name) for field, name in zip(schema, found, strict=True)])


def _check_types(schema: pa.Schema, read: Mapping[str, bundle.Column], errors: Errors) -> None:
    """Refuses columns of the model that are no numbers or names, and others that no text could show.

    One value that is no number makes a column text, so text may hold numbers where rows keep their errors.
    """
    for field in schema:
        if field.name in read and not (errors == "row" and is_text(field.type)):
            _check_type(field, read[field.name])
        plain = _is_number(field.type) or _is_name(field.type) or pa.types.is_temporal(field.type)
        if not plain:
            raise RequestInvalid(
                f"column {field.name[:40]!r}: expected numbers, text or times, got {field.type}; leave it out"
            )


def _check_type(field: pa.Field, column: bundle.Column) -> None:
    named = _is_name(field.type) or pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    right = named if column.categories else _is_number(field.type)
    if not right:
        expected = "names of categories" if column.categories else "numbers"
        raise RequestInvalid(f"column {field.name!r}: expected {expected}, got {field.type}", column=field.name)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_name(kind: pa.DataType) -> bool:
    return is_text(kind) or bool(pa.types.is_boolean(kind))


def _values(
    column: pa.ChunkedArray, declared: bundle.Column, place: Callable[[int], Place], faults: Faults
) -> NDArray[np.floating]:
    """The numbers of a column, or the codes of its names, shape (n,)."""
    if declared.categories:
        names = [name_of(name) for name in column.to_pylist()]
        return codes_of_names(names, declared, place, faults)
    if is_text(column.type):
        return numbers_of_cells(_texts(column), declared.name, place, faults)
    return _numbers(column)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.floating]:
    """The numbers of a column, shape (n,); NaN for missing ones."""
    if not pa.types.is_floating(column.type):
        column = column.cast(pa.float64(), safe=False)
    values: NDArray[np.floating] = column.to_numpy()
    return values


def _texts(column: pa.ChunkedArray) -> list[str]:
    end = ""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column, end = column.cast(pa.int64()).cast(pa.timestamp(column.type.unit)), "Z"  # needs no time-zone database
    return ["" if text is None else text + end for text in column.cast(pa.large_string()).to_pylist()]
