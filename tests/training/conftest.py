"""Recipes small enough to run in a test, on the data that scikit-learn ships."""

import pytest

from training.prepare import Experiment, prepare
from training.recipe import parse

RECIPES = {
    "bernoulli": ("digits", "binarise", 'mode = "threshold"', ""),
    "made": ("digits", "binarise", 'mode = "dynamic"', "hidden = [32]"),
    "categorical": ("digits", "levels", "", "pseudo_counts = [0.1, 1.0]"),
    "fvsbn": ("digits", "binarise", 'mode = "dynamic"', 'order = "random"'),
    "nade": ("digits", "binarise", 'mode = "dynamic"', 'hidden = 24\norder = "random"'),
    "pixelcnn": ("digits", "binarise", 'mode = "dynamic"', "blocks = 1\nchannels = 4\nhead = 8"),
    "gated_pixelcnn": ("digits", "levels", "count = 5", "layers = 1\nchannels = 4\nhead = 8\nfirst_kernel = 3"),
    "pixelcnn_pp": ("digits", "levels", "", "channels = 4\nblocks = 1\nscales = 2\ncomponents = 3"),
    "rnade": ("breast-cancer", "standardise", "", 'hidden = 8\ncomponents = 3\norder = "random"'),
    "vae": ("digits", "binarise", 'mode = "static"', "hidden = [16]\nlatent = 3\nscore_samples = 8"),
    "dcgan": ("digits", "signed_unit", "", "latent = 4\nchannels = 4"),
    "gmm": ("breast-cancer", "standardise", "", 'components = [1, 2]\ncovariances = ["diag"]\nrestarts = 1'),
    "gmm-images": ("digits", "dequantise", "", 'components = [2]\ncovariances = ["full"]\nrestarts = 1'),
}


def recipe_text(name: str, export: str = "") -> str:
    source, transform, transform_options, family_options = RECIPES[name]
    normal = '\nnormal = ["benign"]' if source == "breast-cancer" else ""
    return f"""
name = "tiny-{name}"
summary = "for tests"
seed = 3
[data]
source = "{source}"{normal}
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


@pytest.fixture
def text():
    return recipe_text


@pytest.fixture
def experiment():
    def build(name: str, export: str = "", *, smoke: bool = True) -> Experiment:
        return prepare(parse(recipe_text(name, export)), smoke=smoke)

    return build
