"""A process of its own for the Parquet files of strangers: what a file does to its reader, it does to nobody else.

It runs as a script and imports nothing of the package, so that it starts as soon as pyarrow is there. Jobs come on its
input, one at a time: a line of JSON ``{"job": …, "bytes": …, "most": …}``, then that many bytes of a file, which may
unpack to ``most`` bytes. An answer is a line of JSON and that many bytes of an Arrow stream:

    look   {"rows": …, "bytes": …} and the schema, from the metadata alone
    read   {"bytes": …} and the table, text in 64-bit strings
    both   {"refused": …, "bytes": 0} or {"too_large": …, "bytes": 0} in plain words

The operating system bounds memory and time of the processor; the parent bounds time, and starts it again when it died.
"""

import json
import sys
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MAX_COLUMNS = 2000
MAX_CHUNKS = 5000
MEMORY_BYTES = 1024 * 1024 * 1024  # beyond what the process has when it starts
CPU_S = 10  # for one job
_VALUE_BYTES = 8  # of a number, or of the place of a text

_SHARED = "DELTA_BYTE_ARRAY"
_FAILURES = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError)


class Refused(Exception):
    """The file is not what it should be."""


class TooLarge(Exception):
    """A limit is exceeded."""


def main() -> None:
    """Answers jobs until the input ends."""
    limit_memory()
    pa.set_cpu_count(1)
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := jobs.readline():
        job = json.loads(line)
        limit_time()
        said, body = answer(job["job"], jobs.read(job["bytes"]), job["most"])
        answers.write(json.dumps({**said, "bytes": len(body)}).encode() + b"\n")
        answers.write(body)
        answers.flush()


def limit_memory() -> None:
    """Lets the process have so much more memory than now, where the system can tell."""
    if sys.platform == "linux":
        import resource

        with open("/proc/self/statm") as file:  # noqa: PTH123 - a short start
            most = int(file.read().split()[0]) * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def limit_time() -> None:
    """Lets the next job have so much time of the processor."""
    if sys.platform == "linux":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_S, most))


def answer(job: str, content: bytes, most: int) -> tuple[dict[str, Any], "bytes | pa.Buffer"]:
    """What is said of a file, and what is passed on."""
    try:
        schema, rows = look(content, most)
        if job == "look":
            return {"rows": rows}, schema.serialize()
        return {}, as_stream(read(content, schema, most))
    except TooLarge as error:
        return {"too_large": str(error)}, b""
    except MemoryError:
        return {"too_large": f"unpacked it is larger than {most} bytes"}, b""
    except Refused as error:
        return {"refused": str(error)}, b""


def look(content: bytes, most: int) -> tuple[pa.Schema, int]:
    """The schema and the number of rows, if the metadata are within limits."""
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        metadata, schema = file.metadata, file.schema_arrow.remove_metadata()
        check_sizes(metadata, most)
    except MemoryError:
        raise
    except _FAILURES as error:
        raise Refused("the Parquet file is truncated or damaged: its footer cannot be read") from error
    if any(pa.types.is_nested(field.type) for field in schema):
        raise Refused("Parquet: expected plain columns, got lists or columns within columns; leave them out")
    return schema, metadata.num_rows


def check_sizes(metadata: pq.FileMetaData, most: int) -> None:
    """Raises TooLarge for more columns, row groups or values than are read, as far as the metadata tell."""
    columns, groups = metadata.num_columns, metadata.num_row_groups
    if columns > MAX_COLUMNS:
        raise TooLarge(f"{columns} columns, at most {MAX_COLUMNS}")
    if groups * columns > MAX_CHUNKS:
        raise TooLarge(f"{groups} row groups; write it with larger ones")
    unpacked = sum(metadata.row_group(place).total_byte_size for place in range(groups))
    if max(unpacked, metadata.num_rows * columns * _VALUE_BYTES) > most:
        raise TooLarge(f"unpacked it is larger than {most} bytes")


def read(content: bytes, schema: pa.Schema, most: int) -> pa.Table:
    """All columns; text is read as a dictionary first, since one long value may stand in many rows."""
    try:
        texts = dictionaries(pq.ParquetFile(pa.BufferReader(content)).metadata, schema)
        packed = pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts).read(use_threads=False)
        if sum(text_bytes(column) for column in packed.columns) > most:
            raise TooLarge(f"its texts are larger than {most} bytes")
        columns = [
            column.cast(pa.large_string()) if is_text(field.type) else column
            for column, field in zip(packed.columns, schema, strict=True)
        ]
        table = pa.table(columns, names=schema.names)
        table.validate(full=True)
    except MemoryError:
        raise
    except _FAILURES as error:
        raise Refused("the Parquet file is truncated or damaged: its columns cannot be read") from error
    return table


def dictionaries(metadata: pq.FileMetaData, schema: pa.Schema) -> list[str]:
    """The columns of text that can be read as dictionaries: not those in which values share prefixes."""
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    return [
        field.name
        for place, field in enumerate(schema)
        if is_text(field.type) and not any(_SHARED in group.column(place).encodings for group in groups)
    ]


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text, in a dictionary or not."""
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(values) or pa.types.is_large_string(values))


def text_bytes(column: pa.ChunkedArray) -> int:
    """How many bytes a column of texts has when every row holds its own; 0 of any other."""
    if not is_text(column.type):
        return 0
    return sum(pc.sum(lengths(chunk)).as_py() or 0 for chunk in column.chunks)


def lengths(chunk: pa.Array) -> pa.Array:
    """Bytes of every text, (rows,)."""
    if pa.types.is_dictionary(chunk.type):
        return pc.binary_length(chunk.dictionary).take(chunk.indices)
    return pc.binary_length(chunk)


def as_stream(table: pa.Table) -> pa.Buffer:
    """The table as Arrow passes it between processes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


if __name__ == "__main__":
    main()
