"""Tables as Parquet files and back. The only file of the service that imports pyarrow, which is optional.

Rows, columns and types are checked in the footer, and what unpacking takes in the page headers, before anything is
unpacked.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

import bundle
from service.errors import MediaUnsupported, RequestInvalid, TooLarge
from service.payloads.columns import Cells, Extra
from service.payloads.items import Decoded
from service.payloads.kinds import takes
from service.payloads.parquet_pages import Page, read_pages
from service.payloads.place import Place
from service.payloads.table import check_names, finite_rows, unread_note

MAX_COLUMNS = 2000
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
_MAX_FOOTER_BYTES = 4 * 1024 * 1024
_MAX_PAGES = 20_000
_MAGIC = b"PAR1"
_BODY = Place("Parquet", "")
_DELTA_BYTE_ARRAY = 7  # values share prefixes, so a page says nothing about the size of its values
_FAILURES = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError)


@dataclass(frozen=True)
class ParquetFile:
    """A table as Parquet file whose footer has been checked."""

    content: bytes
    file: pq.ParquetFile
    extra: Extra

    @classmethod
    def parse(cls, content: bytes, extra: Extra) -> "ParquetFile":
        """The file with its footer; raises RequestInvalid or TooLarge."""
        size = int.from_bytes(content[-8:-4], "little")
        if len(content) < 12 or content[:4] != _MAGIC or content[-4:] != _MAGIC or size > len(content) - 12:
            raise RequestInvalid("not a Parquet file, or a truncated one")
        if size > _MAX_FOOTER_BYTES:
            raise TooLarge(f"Parquet: the footer has {size} bytes, at most {_MAX_FOOTER_BYTES}")
        try:
            file = pq.ParquetFile(
                pa.BufferReader(content),
                thrift_string_size_limit=_MAX_FOOTER_BYTES,
                thrift_container_size_limit=_MAX_FOOTER_BYTES,
            )
            _check_footer(file)
        except _FAILURES as error:
            raise RequestInvalid("not a Parquet file that can be read: its footer is damaged") from error
        return cls(content, file, extra)

    @property
    def count(self) -> int:
        """Number of rows."""
        rows: int = self.file.metadata.num_rows
        return rows

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.content)

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The rows, and all columns as they came."""
        if spec.kind != "row":
            raise MediaUnsupported(takes(spec))
        names = [column.name for column in spec.columns]
        schema = self.file.schema_arrow
        check_names(schema.names, names, "", None, self.extra)
        _check_types(schema, set(names))
        _check_pages(self.content, self.file)
        table = _read(self.content, schema)
        values = np.stack([_numbers(table.column(name), name) for name in names], axis=1)  # (batch, features)
        unread = [name for name in schema.names if name not in names]
        return Decoded(finite_rows(values, spec), (unread_note(unread),) if unread else (), ArrowColumns(table))


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


def encode_parquet(columns: Mapping[str, Any]) -> bytes:
    """A Parquet file; masked values are missing."""
    arrays = [column if isinstance(column, pa.ChunkedArray) else pa.array(column) for column in columns.values()]
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays, names=list(columns)), buffer)
    return buffer.getvalue()


def _check_footer(file: pq.ParquetFile) -> None:
    """Refuses too many columns, columns in columns, and numbers of rows that do not agree."""
    footer, columns = file.metadata, file.schema
    if footer.num_columns > MAX_COLUMNS:
        raise TooLarge(f"Parquet: {footer.num_columns} columns, at most {MAX_COLUMNS}")
    if footer.num_row_groups * footer.num_columns > _MAX_PAGES:
        raise TooLarge(f"Parquet: {footer.num_row_groups} row groups; write it with larger ones")
    for place in range(footer.num_columns):
        if columns.column(place).max_repetition_level > 0 or columns.column(place).max_definition_level > 1:
            raise RequestInvalid(f"Parquet: expected plain columns, {columns.column(place).path[:80]!r} is nested")
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    counts = [group.column(place).num_values == group.num_rows >= 0 for group in groups for place in _places(group)]
    if not all(counts) or sum(group.num_rows for group in groups) != footer.num_rows:
        raise RequestInvalid("Parquet: the footer is damaged: its numbers of rows do not agree")


def _check_types(schema: pa.Schema, read: set[str]) -> None:
    """Refuses columns of the model that are no numbers, and others that no text could show."""
    for field in schema:
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)
        if field.name in read and not number:
            raise RequestInvalid(f"column {field.name!r}: expected numbers, got {field.type}", column=field.name)
        plain = number or _is_text(field.type) or pa.types.is_temporal(field.type) or pa.types.is_boolean(field.type)
        if not plain:
            raise RequestInvalid(
                f"column {field.name[:40]!r}: expected numbers, text or times, got {field.type}; leave it out"
            )


def _check_pages(content: bytes, file: pq.ParquetFile) -> None:
    """Refuses what would take too much memory when it is unpacked."""
    pages: list[Page] = []
    for place in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(place)
        for column in (group.column(position) for position in _places(group)):
            found = read_pages(content, *_bounds(column), _MAX_PAGES - len(pages), _BODY)
            if sum(page.values for page in found) != column.num_values:
                raise RequestInvalid("Parquet: damaged: pages and footer do not agree about the number of values")
            if column.physical_type == "BYTE_ARRAY" and any(page.encoding == _DELTA_BYTE_ARRAY for page in found):
                raise RequestInvalid(f"Parquet: column {column.path_in_schema[:40]!r}: write it without delta encoding")
            pages += found
    if sum(page.size for page in pages) > MAX_UNPACKED_BYTES:
        raise TooLarge(f"Parquet: unpacked it is larger than {MAX_UNPACKED_BYTES} bytes")


def _bounds(column: pq.ColumnChunkMetaData) -> tuple[int, int]:
    """Where the pages of a column begin and end, in bytes."""
    start = column.data_page_offset
    if column.has_dictionary_page and 0 < column.dictionary_page_offset < start:
        start = column.dictionary_page_offset
    if start < len(_MAGIC):
        raise RequestInvalid("Parquet: damaged: the footer has a wrong offset")
    return start, start + column.total_compressed_size


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
        raise RequestInvalid("the Parquet file is truncated or damaged") from error
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


def _numbers(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    """The numbers of a column, shape (n,); raises RequestInvalid for a missing one."""
    if column.null_count:
        index = pc.index(column.is_null(), True).as_py()
        raise RequestInvalid(f"row {index}, column {name!r}: expected a number, got null", index=index, column=name)
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy()
    return values


def _texts(column: pa.ChunkedArray) -> list[str]:
    end = ""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column, end = column.cast(pa.int64()).cast(pa.timestamp(column.type.unit)), "Z"  # needs no time-zone database
    return ["" if text is None else text + end for text in column.cast(pa.large_string()).to_pylist()]


def _places(group: pq.RowGroupMetaData) -> range:
    return range(group.num_columns)
