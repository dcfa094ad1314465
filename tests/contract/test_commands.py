"""Every command that the help and docs/cli.md show works on the shipped models."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

import pofx
from pofx.cli.app import app
from pofx.cli.commands import CALIBRATE, COMMANDS, MODELS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SHOWN = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
EXAMPLES = [
    example
    for command in (*(COMMANDS[name] for name in ("score", "sample", "encode")), CALIBRATE, *MODELS.values())
    for example in command.examples
]


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """A folder with a store and the files that examples are about."""
    here = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "models", here / "models")
    rows = pofx.load("magic-made", store=here / "models")
    values = rows.sample(60, seed=1).values
    frame = pd.DataFrame(values, columns=[column.name for column in rows.info.input.columns])
    frame.to_csv(here / "rows.csv", index=False)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), here / "rows.parquet")
    cells = pofx.load("breast-cancer-gmm", store=here / "models")
    columns = [column.name for column in cells.info.input.columns]
    pd.DataFrame(cells.sample(60, seed=1).values, columns=columns).to_csv(here / "healthy.csv", index=False)
    small = pofx.load("digits-bernoulli", store=here / "models").sample(60, seed=1).values
    np.save(here / "digits.npy", small)
    np.savez(here / "digits.npz", x=small, digit=np.arange(60) % 2)
    (here / "pictures").mkdir()
    for index, image in enumerate(pofx.load("mnist-made", store=here / "models").sample(5, seed=1).values):
        Image.fromarray(image[..., 0]).save(here / "pictures" / f"{index}.png")
    return here


@pytest.fixture
def run(items, monkeypatch):
    monkeypatch.chdir(items)
    monkeypatch.delenv("SERVICE_STORE", raising=False)
    monkeypatch.setenv("COLUMNS", "80")

    def invoke(line):
        result = CliRunner().invoke(app, shlex.split(line.partition("|")[0])[1:], input="y\n", catch_exceptions=False)
        assert result.exit_code == 0, (line, result.stdout, result.stderr)
        assert "…" not in result.stdout

    return invoke


def restore(store, prepared):
    """The two versions of a model that examples compare, promote and remove."""
    shutil.rmtree(store / "digits-bernoulli")
    shutil.rmtree(store / ".versions")
    shutil.copytree(prepared, store, dirs_exist_ok=True)


def test_the_examples_of_help_work(run, items, tmp_path):
    run("pofx calibrate digits-bernoulli digits.npy")
    run("pofx models promote digits-bernoulli:4")
    for name in ("digits-bernoulli", ".versions"):
        shutil.copytree(items / "models" / name, tmp_path / name)
    for example in EXAMPLES:
        restore(items / "models", tmp_path)
        run(example)


def test_the_commands_of_the_page_work(run, items):
    shutil.rmtree(items / "models")
    shutil.copytree(ROOT / "models", items / "models")
    for line in SHOWN:
        run(line)
    assert (items / "report" / "report.html").is_file()
