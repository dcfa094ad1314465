"""Parquet files of strangers: read in a process of its own, against pyarrow in this one; and files meant to do harm."""

import io
import random
import resource
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.table import Row
from pofx import bundle
from pofx.errors import PofxError, RequestInvalid, TooLarge
from pofx.kinds.parquet import ParquetFile
from pofx.kinds.parquet_process import worker

REPEATS, DAMAGED, SIZES = 50, 20_000, ((1, 10), (1_000, 10), (10_000, 10), (1_000, 500))


def measure(_: Path) -> list[Row]:
    """Milliseconds of both sides in turn, what damaged files come to, and bombs."""
    started = time.perf_counter()
    worker().look(_file(1, 1))
    first = Row("the first file, with the start of the process", (1e3 * (time.perf_counter() - started),), "ms")
    compared = [row for rows, columns in SIZES for row in _compared(rows, columns)]
    return [first, *compared, *_bombs(), _damage(), _memory()]


def _compared(rows: int, columns: int) -> list[Row]:
    content, spec = _file(rows, columns), _spec(columns)
    sides: dict[str, Callable[[], object]] = {
        "apart": lambda: ParquetFile.parse(content, "refuse").decode(spec),
        "here": lambda: pq.read_table(pa.BufferReader(content)),
    }
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(REPEATS):
        for name, side in sides.items():
            started = time.perf_counter()
            side()
            found[name].append(1e3 * (time.perf_counter() - started))
    return [Row(f"{rows} x {columns}, {name}", tuple(times), "ms") for name, times in found.items()]


def _spec(columns: int) -> bundle.RowSpec:
    return bundle.RowSpec(columns=tuple(bundle.Column(name=f"c{i}", minimum=0, maximum=1) for i in range(columns)))


def _file(rows: int, columns: int, **more: pa.Array) -> bytes:
    random_rows = np.random.default_rng(0).standard_normal((columns, rows))
    return _written({f"c{place}": values for place, values in enumerate(random_rows)} | more)


def _written(columns: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, compression="zstd")
    return buffer.getvalue()


def _bombs() -> list[Row]:
    """A gigabyte of text, and two gigabytes of numbers, each in a small file."""
    same = pa.DictionaryArray.from_arrays(np.zeros(10_000, np.int32), ["x" * 100_000])
    files = {"text": _written({"c0": np.zeros(10_000), "note": same}), "numbers": _zeros()}
    return [_refused(f"a bomb of {name}", content) for name, content in files.items()]


def _zeros() -> bytes:
    """Zeros in 250 row groups of a million."""
    buffer, part = io.BytesIO(), pa.table({"c0": np.zeros(1_000_000)})
    with pq.ParquetWriter(buffer, part.schema) as writer:
        for _ in range(250):
            writer.write_table(part)
    return buffer.getvalue()


def _refused(what: str, content: bytes) -> Row:
    started = time.perf_counter()
    try:
        ParquetFile.parse(content, "keep").decode(_spec(1))
        words = "read"
    except (RequestInvalid, TooLarge) as error:
        words = str(error)
    return Row(what, (1e3 * (time.perf_counter() - started),), "ms", f"{len(content) / 1024:.0f} KiB: {words}")


def _damage() -> Row:
    """Seconds for files with some bytes changed, and what became of them."""
    extremes = (0, 127, 128, 255)
    more = {"gaps": pa.array([True, None] * 25), "text": pa.array([f"w{i}" for i in range(50)])}
    content, generator, outcomes = _file(50, 1, **more), random.Random(1), Counter[str]()
    started = time.perf_counter()
    for _ in range(DAMAGED):
        damaged = bytearray(content)
        for _ in range(generator.randint(1, 4)):
            byte = generator.choice((*extremes, generator.randrange(256)))
            damaged[generator.randrange(4, len(content) - 8)] = byte
        try:
            ParquetFile.parse(bytes(damaged), "keep").decode(_spec(1))
            outcomes["read"] += 1
        except PofxError as error:
            outcomes["ended the process" if "it cannot be read" in str(error) else "refused"] += 1
    seconds = time.perf_counter() - started
    note = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    return Row(f"{DAMAGED} damaged files", (seconds,), "s", note)


def _memory() -> Row:
    """The most that the process ever had; of those that have ended."""
    worker().close()
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return Row("memory of the process at its most", (most,), "MiB")
