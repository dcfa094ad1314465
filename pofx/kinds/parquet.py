"""Tables as Parquet files and back. The only file of the service that imports pyarrow, which is optional.

Numbers of rows and columns, types, and what unpacking takes are checked before anything is unpacked.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import MediaUnsupported, RequestInvalid, TooLarge
from pofx.kinds.categories import codes_of_names
from pofx.kinds.columns import Cells, Extra
from pofx.kinds.decoded import Decoded
from pofx.kinds.parquet_headers import MAX_UNPACKED_BYTES, Footer, check_pages, damaged, read_footer
from pofx.kinds.place import Place, item, items_from
from pofx.kinds.row import check_names, rows_of_columns, unread_note
from pofx.kinds.words import takes

_BUFFER_BYTES = 1024 * 1024
_FAILURES = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError)


@dataclass(frozen=True)
class ParquetFile:
    """A table as Parquet file whose footer has been checked."""

    content: bytes
    footer: Footer
    extra: Extra

    @classmethod
    def parse(cls, content: bytes, extra: Extra) -> "ParquetFile":
        """The file with its footer; raises RequestInvalid or TooLarge."""
        return cls(content, read_footer(content), extra)

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.footer.rows

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.content)

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The rows, and all columns as they came."""
        if spec.kind != "row":
            raise MediaUnsupported(takes(spec))
        schema = _schema(self.content)
        _check_schema(schema, spec, self.extra)
        check_pages(self.content, self.footer)
        return _decoded(_read(self.content, schema), spec)


def count_rows(path: Path) -> int:
    """The number of rows of a file of one's own; raises RequestInvalid."""
    with _opened(path) as file:
        rows: int = file.metadata.num_rows
        return rows


def parquet_blocks(path: Path, spec: bundle.RowSpec, extra: Extra, rows: int | None) -> Iterator[Decoded]:
    """Blocks of that many rows, or all in one, of a file of one's own, which is trusted; raises RequestInvalid."""
    first = 0
    with _opened(path) as file:
        _check_schema(file.schema_arrow, spec, extra)
        try:
            for table in _tables(file, rows):
                yield _decoded(table, spec, items_from(first))
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


def _decoded(table: pa.Table, spec: bundle.RowSpec, place: Callable[[int], Place] = item) -> Decoded:
    """The model's rows of a table, and all its columns as they came."""
    values = [_values(table.column(column.name), column, place) for column in spec.columns]
    names = {column.name for column in spec.columns}
    unread = [name for name in table.column_names if name not in names]
    return Decoded(rows_of_columns(values, spec, place), unread_note(unread), ArrowColumns(table))


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
    """Columns (n,) as an Arrow table; masked values are missing."""
    arrays = [column if isinstance(column, pa.ChunkedArray) else pa.array(column) for column in columns.values()]
    return pa.table(arrays, names=list(columns))


def encode_parquet(columns: Mapping[str, Any]) -> bytes:
    """A Parquet file; masked values are missing."""
    buffer = io.BytesIO()
    pq.write_table(arrow_table(columns), buffer)
    return buffer.getvalue()


def _schema(content: bytes) -> pa.Schema:
    try:
        return pq.ParquetFile(pa.BufferReader(content)).schema_arrow
    except _FAILURES as error:
        raise damaged("its schema cannot be read") from error


def _check_schema(schema: pa.Schema, spec: bundle.RowSpec, extra: Extra) -> None:
    """Raises RequestInvalid for columns that are missing, unknown, or of another type than the model takes."""
    check_names(schema.names, [column.name for column in spec.columns], "", None, extra)
    _check_types(schema, {column.name: column for column in spec.columns})


def _check_types(schema: pa.Schema, read: Mapping[str, bundle.Column]) -> None:
    """Refuses columns of the model that are no numbers or names, and others that no text could show."""
    for field in schema:
        if field.name in read:
            _check_type(field, read[field.name])
        plain = _is_number(field.type) or _is_name(field.type) or pa.types.is_temporal(field.type)
        if not plain:
            raise RequestInvalid(
                f"column {field.name[:40]!r}: expected numbers, text or times, got {field.type}; leave it out"
            )


def _check_type(field: pa.Field, column: bundle.Column) -> None:
    right = _is_name(field.type) or pa.types.is_integer(field.type) if column.categories else _is_number(field.type)
    if not right:
        expected = "names of categories" if column.categories else "numbers"
        raise RequestInvalid(f"column {field.name!r}: expected {expected}, got {field.type}", column=field.name)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_name(kind: pa.DataType) -> bool:
    return _is_text(kind) or bool(pa.types.is_boolean(kind))


def _read(content: bytes, schema: pa.Schema) -> pa.Table:
    """All columns; text is read as a dictionary first, since one long value may stand in many rows."""
    texts = [field.name for field in schema if _is_text(field.type)]
    try:
        packed = pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts).read(use_threads=False)
        if sum(_text_bytes(packed.column(name)) for name in texts) > MAX_UNPACKED_BYTES:
            raise TooLarge(f"Parquet: its texts are larger than {MAX_UNPACKED_BYTES} bytes")
        table = pa.table([_plain(packed.column(field.name), field) for field in schema], names=schema.names)
        table.validate(full=True)
    except _FAILURES as error:
        raise damaged("its columns cannot be read") from error
    return table


def _plain(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    return column.cast(pa.large_string()) if _is_text(field.type) else column


def _text_bytes(column: pa.ChunkedArray) -> int:
    """How many bytes a column of texts has when every row holds its own."""
    return sum(pc.sum(_lengths(chunk)).as_py() or 0 for chunk in column.chunks)


def _lengths(chunk: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(chunk.type):
        return pc.binary_length(chunk.dictionary).take(chunk.indices)
    return pc.binary_length(chunk)


def _is_text(kind: pa.DataType) -> bool:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(values) or pa.types.is_large_string(values))


def _values(column: pa.ChunkedArray, declared: bundle.Column, place: Callable[[int], Place]) -> NDArray[np.floating]:
    """The numbers of a column, or the codes of its names, shape (n,)."""
    if declared.categories:
        return codes_of_names(column.cast(pa.large_string()).to_pylist(), declared, place)
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
