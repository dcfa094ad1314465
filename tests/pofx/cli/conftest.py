"""The command line in a folder of its own, on the tiny store."""

import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

import pofx
from pofx import bundle
from pofx.cli.app import app


@pytest.fixture
def here(tmp_path, monkeypatch, store):
    """A folder that is the current one, with a copy of the tiny store in models."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SERVICE_STORE", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    shutil.copytree(store.root, tmp_path / "models")
    return tmp_path


@pytest.fixture
def run(here):
    """Runs a command line; its result has stdout, stderr and exit_code."""

    def invoke(line, status=0):
        words = line.split() if isinstance(line, str) else line
        result = CliRunner().invoke(app, words, catch_exceptions=False)
        assert result.exit_code == status, (result.stdout, result.stderr)
        return result

    return invoke


@pytest.fixture
def kept(here):
    return bundle.Store(here / "models")


@pytest.fixture
def opened(here):
    """Opens a model of the store as a library does."""
    return lambda name: pofx.load(name, store=here / "models")


@pytest.fixture
def table(here, rows):
    """Rows with a column that no model reads, as CSV and as Parquet; two of them are odd."""
    rows = rows.copy()
    rows[[3, 17]] *= 9
    frame = pd.DataFrame(rows, columns=["alcohol", "ash", "hue"]).assign(note=[f'"{i}", ö' for i in range(len(rows))])
    frame.to_csv(here / "rows.csv", index=False)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), here / "rows.parquet")
    return frame


@pytest.fixture
def pictures(here, pixels):
    for index, image in enumerate(pixels[:12]):
        (here / "pictures" / "ab"[index % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(here / "pictures" / "ab"[index % 2] / f"{index:02}.png")
    return np.concatenate([pixels[:12:2], pixels[1:12:2]])  # in order of the names
