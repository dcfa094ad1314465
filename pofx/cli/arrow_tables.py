"""Tables of any length as Parquet or CSV files, a block at a time; what a command writes needs pyarrow."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

Block = Mapping[str, Any]
_P_VALUE = "p_value"


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...


class TableFile:
    """A file that tables are appended to; the columns of the first are those of all."""

    def __init__(self, target: Path | None, csv: bool) -> None:
        self._target, self._csv = target, csv
        self._writer: _Writer | None = None

    def write(self, columns: Block) -> None:
        """Appends columns (n,) each; masked values are missing."""
        self.append(as_table(columns))

    def append(self, table: pa.Table) -> None:
        """Appends a table."""
        shown = _shown(table) if self._csv else table
        if self._writer is None:
            self._writer = self._open(shown.schema)
            self._schema = shown.schema
        self._writer.write_table(shown.cast(self._schema))

    def close(self) -> None:
        """Ends the file."""
        if self._writer is not None:
            self._writer.close()

    def _open(self, schema: pa.Schema) -> _Writer:
        if not self._csv:
            writer: _Writer = pq.ParquetWriter(self._target, schema, use_dictionary=_repeating(schema))
            return writer
        sink = self._target if self._target is not None else pa.PythonFile(_Unclosed(), mode="w")
        options = pacsv.WriteOptions(quoting_style="needed", batch_size=8192)
        written: _Writer = pacsv.CSVWriter(sink, schema, write_options=options)
        return written


def _repeating(schema: pa.Schema) -> list[str]:
    """Columns with few values; a dictionary of measured numbers would take time and only make the file larger."""
    return [item.name for item in schema if not pa.types.is_floating(item.type) or item.name.endswith(_P_VALUE)]


class _Unclosed:
    """Standard output, which stays open."""

    closed = False

    def write(self, content: bytes) -> int:
        return sys.stdout.buffer.write(content)

    def flush(self) -> None:
        sys.stdout.buffer.flush()

    def close(self) -> None:
        self.flush()


def as_table(columns: Block) -> pa.Table:
    """Columns (n,) as an Arrow table; masked values are missing."""
    return pa.table([_array(values) for values in columns.values()], names=list(columns))


def with_column(path: Path, made_from: str, make: Any, name: str) -> Iterator[pa.Table]:
    """The parts of a Parquet file with one column more, made from the values of another."""
    with pq.ParquetFile(path) as file:
        for place in range(file.num_row_groups):
            table = file.read_row_group(place, use_threads=False)
            yield table.append_column(name, pa.array(make(table.column(made_from).to_numpy())))


def _array(values: Any) -> Any:
    if isinstance(values, pa.ChunkedArray):
        return values
    if isinstance(values, list | tuple):
        return pa.array(values, pa.large_string())
    return pa.array(values)


def _shown(table: pa.Table) -> pa.Table:
    """Numbers that are none are empty cells."""
    for place, column in enumerate(table.columns):
        if pa.types.is_floating(column.type):
            empty = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
            table = table.set_column(place, table.schema.field(place).name, empty)
    return table
