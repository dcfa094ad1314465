"""``pofx score`` of a Parquet table of a million rows against ONNX Runtime called on the same rows."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import pofx
from benchmarks.table import Row

MODEL, ROWS, DRAWN, SEED, REPEATS = "magic-made", 1_000_000, 50_000, 1, 3
BATCH, THREADS = 2048, 2
_KIB = 1024  # in a MiB
_WIDE = {**os.environ, "COLUMNS": "200"}
_MEASURED = """
import json, pathlib, sys, time
from pofx.cli import main
sys.argv = {arguments!r}
try:
    main()
finally:
    status = pathlib.Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])  # ru_maxrss would count what the parent had
    print(json.dumps({{"cpu_s": time.process_time(), "peak_kib": peak}}), file=sys.stderr)
"""


def measure(store: Path) -> list[Row]:
    """Rows per second of both, alternating, the ratio, and the peak memory of the command."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "rows.parquet"
        rows = _table(store, table)
        direct, command = [], []
        for _ in range(REPEATS):
            direct.append(_direct(store, rows))
            command.append(_command(store, table, Path(folder) / "scores.parquet"))
    pairs = list(zip(direct, command, strict=True))
    wall, cpu = (tuple(100 * getattr(a, name) / getattr(b, name) for a, b in pairs) for name in ("wall_s", "cpu_s"))
    return [
        _row("ONNX Runtime", direct, f"{THREADS} threads, {BATCH} rows a call, all statistics"),
        _row("pofx score, Parquet to Parquet", command, "p-values, verdicts, worst items"),
        Row("share of direct speed", wall, "%", "wall clock, start-up apart"),
        Row("share of direct speed, by processor time", cpu, "%", "start-up included; other work disturbs it less"),
        Row("peak memory of the command", tuple(run.peak_mib for run in command), "MiB"),
    ]


@dataclass(frozen=True)
class Run:
    """One run over all rows."""

    wall_s: float
    cpu_s: float
    peak_mib: float = 0.0


def _row(what: str, runs: list[Run], note: str) -> Row:
    return Row(what, tuple(ROWS / run.wall_s for run in runs), "rows/s", note)


def _table(store: Path, path: Path) -> np.ndarray:
    """Rows drawn from the model, float32 (rows, columns), each many times with a little noise; and as Parquet."""
    model = pofx.load(MODEL, store=store)
    drawn = model.sample(DRAWN, seed=SEED).values
    generator = np.random.default_rng(SEED)
    noise = generator.standard_normal((ROWS, drawn.shape[1]), np.float32) * drawn.std(axis=0) / 100
    rows = (drawn[generator.integers(0, DRAWN, ROWS)] + noise).astype(np.float32)
    pq.write_table(pa.table([*rows.T], names=[column.name for column in model.info.input.columns]), path)
    return rows


def _direct(store: Path, rows: np.ndarray) -> Run:
    """The session of an opened model over all rows, in as many threads as there are lanes."""
    model = pofx.load(MODEL, store=store)
    graph = model.loaded.graphs[model.info.score.graph]
    wanted = tuple(item.name for item in graph.spec.outputs if item.shape == ("batch",))
    name = model.info.input.kind
    starts = range(0, len(rows), BATCH)
    with ThreadPoolExecutor(THREADS) as lanes:
        started, used = time.perf_counter(), time.process_time()
        call = lambda start: graph.graph.run({name: rows[start : start + BATCH], **graph.shared}, wanted)  # noqa: E731
        for _ in lanes.map(call, starts):
            pass
        return Run(time.perf_counter() - started, time.process_time() - used)


def _command(store: Path, table: Path, output: Path) -> Run:
    """The command in a process of its own; the seconds are those it tells."""
    arguments = ["pofx", "score", table, "-m", MODEL, "-o", output, "--store", store]
    code = _MEASURED.format(arguments=[str(argument) for argument in arguments])
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=_WIDE)
    seconds = re.search(r"scored with \S+ in ([\d.]+) s", found.stdout)
    used = json.loads(found.stderr.splitlines()[-1])
    return Run(float(seconds[1]), used["cpu_s"], used["peak_kib"] / _KIB)
