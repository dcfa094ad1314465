"""pofx sample and pofx encode give what the library gives."""

import functools
import io
import json
import wave

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pofx.cli import encoding
from pofx.kinds.files import blocks


def test_samples_as_an_array_are_those_of_the_library(run, opened):
    run("sample -m tiny-made -n 5 --seed 3 --temperature 0.5 -o out.npy")
    np.testing.assert_array_equal(np.load("out.npy"), opened("tiny-made").sample(5, seed=3, temperature=0.5).values)


def test_rows_and_texts_go_to_standard_output(run, opened):
    found = pd.read_csv(io.StringIO(run("sample -m tiny-table -n 4 --seed 1").stdout), dtype=np.float32)
    np.testing.assert_array_equal(found.to_numpy(), opened("tiny-table").sample(4, seed=1).values)
    assert len(run("sample -m tiny-text -n 3 --seed 1").stdout.splitlines()) == 3


def test_every_kind_has_its_files(run, here):
    run("sample -m tiny-labels -n 4 --seed 1 --label dog -o out.png")
    with Image.open("out.png") as sheet:
        assert sheet.size[0] > 6
    run("sample -m tiny-audio -n 2 --seed 1 -o out.wav")
    with wave.open("out.wav") as sound:
        assert sound.getframerate() == 400
    run("sample -m tiny-table -n 2 --seed 1 -o out.json")
    content = json.loads((here / "out.json").read_text())
    assert (content["seed"], list(content["samples"][0])) == (1, ["alcohol", "ash", "hue"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sample -m tiny-made", "expected -o with .png, .npy, .json, got no file"),
        ("sample -m tiny-made -o out.csv", "expected -o with .png, .npy, .json, got out.csv"),
        ("sample -m tiny-gan --temperature 2 -o out.npy", "no field 'temperature'"),
        ("sample -m tiny-labels --label cow -o out.npy", "no label 'cow'"),
        ("encode rows.csv -m tiny-made", "cannot encode"),
        ("encode rows.csv -m tiny-table -o out.png", "expected a name that ends in .csv, .parquet, .npy"),
    ],
)
def test_mistakes_are_explained(run, table, line, message):
    assert message in run(line, 2).stderr


def test_codes_are_those_of_the_library_in_every_form(run, table, opened, monkeypatch):
    monkeypatch.setattr(encoding, "blocks", functools.partial(blocks, rows=7))
    codes = opened("tiny-table").encode(table[["alcohol", "ash", "hue"]])
    run("encode rows.parquet -m tiny-table -o out.npy")
    np.testing.assert_array_equal(np.load("out.npy"), codes)
    run("encode rows.parquet -m tiny-table -o out.parquet")
    found = pq.read_table("out.parquet").to_pandas()
    assert list(found) == ["alcohol", "ash", "hue", "note", "latent_0", "latent_1"]
    np.testing.assert_array_equal(found[["latent_0", "latent_1"]].to_numpy(), codes)
    text = io.StringIO(run("encode rows.csv -m tiny-table").stdout)
    np.testing.assert_allclose(pd.read_csv(text)[["latent_0", "latent_1"]].to_numpy(), codes, rtol=1e-6)
