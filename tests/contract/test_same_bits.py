"""`same_bits_in_any_batch` is true where it is said: real items in batches of 1, 4, 7 and 64, for shipped bundles."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

import pofx
from pofx import bundle

STORE = bundle.Store(Path("models"))
COUNT, SIZES = 200, (1, 4, 7, 64)
DIGITS = ("mnist-made", "mnist-nade", "mnist-pca", "mnist-pixelcnn", "mnist-rnn", "mnist-vae")


def enlarged_digits():
    """Handwritten digits at the size of MNIST, uint8 (n, 28, 28, 1)."""
    small = np.rint(load_digits().images[:COUNT] * (255 / 16)).astype(np.uint8)
    return np.pad(small.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2)))[..., np.newaxis]


def items_for(model):
    if model.info.name in DIGITS:
        return enlarged_digits()
    if model.info.name == "digits-bernoulli":
        return np.rint(load_digits().images[:COUNT, :, :, np.newaxis] * (255 / 16)).astype(np.uint8)
    if model.info.name == "breast-cancer-gmm":
        data = load_breast_cancer()
        names = [str(name).replace(" ", "_") for name in data.feature_names]
        return data.data[:COUNT, [names.index(column.name) for column in model.info.input.columns]].astype(np.float32)
    return model.sample(COUNT, seed=3).values


@pytest.mark.parametrize("name", [*DIGITS, "digits-bernoulli", "breast-cancer-gmm", "magic-made"])
def test_a_row_has_the_same_bits_in_any_batch(name):
    model = pofx.load(name, store=STORE.root, parallel_runs=1)
    graph, items = model.loaded.graphs["score"], items_for(model)
    items = items[:64] if name == "mnist-vae" else items  # 64 draws for every item: each takes its time
    assert graph.layout is not None
    data = next(item.name for item in graph.spec.inputs if item.role == "data")
    wanted = tuple(item.name for item in graph.spec.outputs)
    whole = graph.run({data: items}, wanted)
    for size in SIZES:
        parts = [graph.run({data: items[start : start + size]}, wanted) for start in range(0, len(items), size)]
        for output in wanted:
            joined = np.concatenate([part[output] for part in parts])
            assert joined.tobytes() == whole[output].tobytes(), f"{output} in batches of {size}"
