"""A model whose own held-out items are called anomalies too often says so wherever a person looks.

Windows of few recordings, each at a loudness of its own: n windows say much less than n independent ones, so that
counted one by one they are marked; one window a recording is not.
"""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pofx import bundle
from pofx.cli.app import app
from pofx.kinds.audio import encode_wav
from training import cli
from training.data import Items

RECIPE = """
name = "loudness"
summary = "for tests"
seed = 1
[data]
source = "audio"
path = "{path}"
length = 12
hop = 12
[transform]
name = "mulaw"
count = 16
[family]
name = "categorical"
"""
WORDS = "more false alarms than promised"


def recordings(folder, loudness):
    folder.mkdir()
    random = np.random.default_rng(0)
    for index, loud in enumerate(loudness):
        samples = random.normal(0, loud, 12 * 20).astype(np.int16)
        (folder / f"{index:02}.wav").write_bytes(encode_wav(samples, 8000))
    return folder


def one_window_of_each(written, said):
    """Whether only recordings are counted, and that is said."""
    calibration, card = written.manifest.score.calibration, written.read_bytes("CARD.md").decode()
    assert calibration.groups == bundle.Groups(by="WAV files", items=12 * 20)
    assert "12 of 240 items, one from each group (WAV files)" in card
    assert "calibrated on 12 items of 240, one of each of the WAV files only" in said
    return calibration.n == 12


@pytest.mark.parametrize("marked", [True, False])
def test_card_terminal_and_models_carry_the_mark(tmp_path, monkeypatch, get, marked):
    monkeypatch.chdir(tmp_path)
    if marked:
        monkeypatch.setattr(Items, "drawn", property(lambda items: np.arange(len(items))))
    loudness = 1000 * np.exp(1.5 * np.random.default_rng(3).normal(size=60).clip(-2, 2))
    path = recordings(tmp_path / "recordings", loudness)
    (tmp_path / "recipe.toml").write_text(RECIPE.format(path=path.as_posix()))
    result = CliRunner().invoke(cli.app, ["fit", "recipe.toml"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert (f"warning: {WORDS}" in result.stderr) == marked

    store = bundle.Store(tmp_path / "models")
    written = bundle.read(store.locate(bundle.Reference.parse("loudness")))
    held_out = written.manifest.score.calibration.held_out
    assert held_out.items == (written.manifest.provenance.data.splits["test"] if marked else 12)
    assert bool(held_out.excess) == marked
    assert marked or one_window_of_each(written, result.stdout)
    assert (WORDS in written.read_bytes("CARD.md").decode().split("\n\n")[1]) == marked
    shown = CliRunner().invoke(app, ["models", "show", "loudness"], catch_exceptions=False)
    assert (WORDS in " ".join(shown.stdout.split())) == marked
    calibration = get(store.root, "/models/loudness").json()["score"]["calibration"]
    assert calibration["held_out"]["as_promised"] != marked
    assert (calibration["warning"] is not None) == marked


def test_calibrating_on_windows_of_few_recordings_warns(tmp_path, monkeypatch, trained_on_table):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(300, 2)), columns=["a", "b"])
    trained_on_table(tmp_path, frame, "gmm")
    (frame + np.repeat([0.0, 0.1, 3.0], 100)[:, None]).to_csv("batches.csv", index=False)
    frame.to_csv("alike.csv", index=False)
    alike, batches = (
        CliRunner().invoke(app, ["calibrate", "gmm-rows", file], catch_exceptions=False)
        for file in ("alike.csv", "batches.csv")
    )
    assert WORDS not in alike.output
    assert f"warning: {WORDS}" in batches.stderr
