"""The process that reads files of strangers may die or hang: the caller is told, and the next one served."""

import io
import os
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pofx.errors import RequestInvalid, TooLarge
from pofx.kinds.parquet_process import ParquetProcess, worker

BUFFER = io.BytesIO()
pq.write_table(pa.table({"a": [1.0, 2.0, 3.0]}), BUFFER)
FILE = BUFFER.getvalue()


def running(script, timeout_s=30.0):
    return ParquetProcess((sys.executable, "-c", script), timeout_s)


@pytest.mark.parametrize(
    "script",
    [
        "import os; os.abort()",
        "",
        "import sys; sys.stdin.buffer.readline(); print('nonsense', flush=True)",
        'import sys; sys.stdin.buffer.readline(); print(\'{"rows": 1, "bytes": 100}\', flush=True)',
        "raise SystemExit(3)",
    ],
)
def test_a_child_that_gives_no_answer_is_a_damaged_file(script):
    child = running(script)
    for _ in range(2):
        with pytest.raises(RequestInvalid, match="the Parquet file is truncated or damaged: it cannot be read"):
            child.look(FILE)
    child.close()


def test_a_child_that_takes_too_long_is_stopped():
    child = running("import sys, time; sys.stdin.read(1); time.sleep(600)", 0.3)
    with pytest.raises(TooLarge, match=r"Parquet: reading it takes more than 0\.3 s"):
        child.look(FILE)
    with pytest.raises(TooLarge, match=r"takes more than 0\.3 s"):
        child.look(FILE + bytes(8 * 1024 * 1024) + FILE)  # nor does it read all of what it is sent
    child.close()


def test_a_child_that_died_meanwhile_is_replaced():
    child = running("""import sys; sys.stdin.readline(); print('{"rows": 3, "bytes": 0}', flush=True)""")
    for _ in range(5):  # each answers once
        assert child.look(FILE) == (3, b"")
    child.close()


def test_a_file_that_ends_its_reader_is_refused_and_the_next_is_read():
    """Some bytes of its footer are changed: pyarrow 26.0.1 ends the process when it is asked for a column chunk."""
    content = Path(__file__).with_name("ends-pyarrow-26.parquet").read_bytes()
    with pytest.raises(RequestInvalid, match="the Parquet file is truncated or damaged"):
        worker().read(content)
    assert worker().look(FILE)[0] == 3


def test_everybody_gets_the_answer_to_their_own_question():
    found = {}

    def ask(rows):
        buffer = io.BytesIO()
        pq.write_table(pa.table({"a": [0.5] * rows}), buffer)
        looked, _ = worker().look(buffer.getvalue())
        found[rows] = (looked, pa.ipc.open_stream(worker().read(buffer.getvalue())).read_all().num_rows)

    threads = [threading.Thread(target=ask, args=(rows,)) for rows in range(1, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {rows: (rows, rows) for rows in range(1, 30)}


def test_a_fork_has_a_child_of_its_own():
    before = worker()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = int(worker() is before or worker().look(FILE)[0] != 3)
            worker().close()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert worker() is before
