"""Recipes small enough to run in a test, on the data that scikit-learn ships."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from training.evaluate.recordings import as_wav
from training.prepare import Prepared, prepare
from training.recipe import parse

RECIPES = {
    "bernoulli": ("digits", "binarise", 'mode = "threshold"', ""),
    "made": ("digits", "binarise", 'mode = "dynamic"', "hidden = [32]"),
    "made-ensemble": (
        "digits",
        "binarise",
        'mode = "dynamic"',
        'hidden = [32]\norders = ["raster", "columns"]\nblocks = 1',
    ),
    "made-masks": ("digits", "binarise", 'mode = "dynamic"', "hidden = [32]\nmasks = 2"),
    "categorical": ("digits", "levels", "", "pseudo_counts = [0.1, 1.0]"),
    "diagonal_bilstm": ("digits", "binarise", 'mode = "dynamic"', "layers = 1\nhidden = 4\nhead = 8"),
    "fvsbn": ("digits", "binarise", 'mode = "dynamic"', 'order = "random"'),
    "nade": ("digits", "binarise", 'mode = "dynamic"', 'hidden = 24\norder = "random"'),
    "attention": ("digits", "binarise", 'mode = "dynamic"', "blocks = 1\nwidth = 16\nheads = 2"),
    "rnn": ("digits", "binarise", 'mode = "dynamic"', "hidden = 12"),
    "rnn-rows": ("digits", "binarise", 'mode = "dynamic"', 'unit = "row"\nhidden = 12\nhead = 16\ncell = "gru"'),
    "nade-ensemble": ("digits", "binarise", 'mode = "dynamic"', "hidden = 24\nensemble = 2"),
    "pixelcnn": ("digits", "binarise", 'mode = "dynamic"', "blocks = 1\nchannels = 4\nhead = 8"),
    "gated_pixelcnn": ("digits", "levels", "count = 5", "layers = 1\nchannels = 4\nhead = 8\nfirst_kernel = 3"),
    "pixelcnn_pp": ("digits", "levels", "", "channels = 4\nblocks = 1\nscales = 2\ncomponents = 3"),
    "rnade": ("breast-cancer", "standardise", "", 'hidden = 8\ncomponents = 3\norder = "random"'),
    "made-rows": (
        "breast-cancer",
        "standardise",
        "",
        'hidden = [8]\nblocks = 1\ncomponents = 3\norders = ["raster", "random"]',
    ),
    "wavenet": ("audio", "mulaw", "count = 16", "stacks = 1\nlayers = 2\nchannels = 4\nskip = 6"),
    "row_lstm": ("digits", "binarise", 'mode = "dynamic"', "layers = 1\nhidden = 4\nhead = 8"),
    "vae": ("digits", "binarise", 'mode = "static"', "hidden = [16]\nlatent = 3\nscore_samples = 8"),
    "dcgan": ("digits", "signed_unit", "", "latent = 4\nchannels = 4"),
    "gmm": ("breast-cancer", "standardise", "", 'components = [1, 2]\ncovariances = ["diag"]\nrestarts = 1'),
    "gmm-columns": ("breast-cancer", "columns", "", 'components = [2]\ncovariances = ["full"]\nrestarts = 1'),
    "rnade-columns": ("breast-cancer", "columns", "blur = 0.1", "hidden = 8\ncomponents = 3"),
    "gda": ("digits", "dequantise", "", 'covariances = ["shared"]\nshrinkages = [0.1]'),
    "naive_bayes": ("digits", "binarise", 'mode = "threshold"', "pseudo_counts = [1.0]"),
    "naive_bayes-real": ("digits", "dequantise", "", "variance_shares = [0.01]"),
    "markov": ("digits", "binarise", 'mode = "threshold"', "orders = [3]"),
    "markov-texts": ("colour-names", "symbols", "", "orders = [1]"),
    "gmm-images": ("digits", "dequantise", "", 'components = [2]\ncovariances = ["full"]\nrestarts = 1'),
}


def _recordings(folder: Path) -> str:
    """A folder of 60 short noisy tones in two pitches, as TOML."""
    random = np.random.default_rng(0)
    for index in range(60):
        pitch = ("low", "high")[index % 2]
        tone = np.sin(np.arange(30) * (0.3 + 0.5 * (index % 2)) + random.uniform(0, 6))
        samples = (8000 * tone + random.normal(0, 500, 30)).astype(np.int16)
        (folder / pitch).mkdir(exist_ok=True)
        (folder / pitch / f"{index}.wav").write_bytes(as_wav(samples[None], rate_hz=8000))
    return f'path = "{folder.as_posix()}"\nlength = 12'


def recipe_text(name: str, export: str = "", *, recordings: str = "") -> str:
    source, transform, transform_options, family_options = RECIPES[name]
    more = {"breast-cancer": 'normal = ["benign"]', "audio": recordings}.get(source, "")
    return f"""
name = "tiny-{name}"
summary = "for tests"
seed = 3
[data]
source = "{source}"
{more}
[transform]
name = "{transform}"
{transform_options}
[family]
name = "{name.partition("-")[0]}"
{family_options}
[fit]
epochs = 3
batch_size = 64
ema = 0.5
[export]
{export}
"""


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    return _recordings(tmp_path_factory.mktemp("recordings"))


@pytest.fixture
def text(recordings):
    return partial(recipe_text, recordings=recordings)


@pytest.fixture
def experiment(text):
    def build(name: str, export: str = "", *, smoke: bool = True) -> Prepared:
        return prepare(parse(text(name, export)), smoke=smoke)

    return build
