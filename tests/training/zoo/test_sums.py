"""What is called exact is a probability: over all items there are, it sums to one, whatever the kind of data.

Discrete images and texts are in ``test_laws`` too; here are tables, through the transform, and exported graphs.
"""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from tests.training.zoo.cases import CASES
from tests.training.zoo.checks import assert_chi_square
from tests.training.zoo.tables import OPTIONS, TABLES, fitted
from training.cells import Cells
from training.evaluate.sampling import sample
from training.export.graphs import computations
from training.export.onnx import OnnxRunner, to_onnx
from training.scoring import Scoring
from training.transforms import Binarise, DataFacts, Levels, Symbols
from training.transforms.rows import RowTransform
from training.zoo import FAMILIES
from training.zoo.base import FactorisedDensity, Facts, Family, spaces
from training.zoo.parts.gaussian_conditionals import Mixture

COUNT = 30_000
MARGINALISE = ["gmm", "gda", "naive_bayes"]


@cache
def model(name: str, table: str) -> tuple[Family, RowTransform]:
    return fitted(name, TABLES[table])


def test_every_family_that_claims_exact_densities_of_rows_is_tried():
    exact = {name for name, kind in FAMILIES.items() if issubclass(kind, FactorisedDensity)}
    assert set(OPTIONS) == {name for name in exact if "real" in spaces(FAMILIES[name])}


def total(log_prob: np.ndarray, volume: float) -> float:
    return float(np.exp(log_prob.astype(np.float64)).sum()) * volume


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", OPTIONS)
def test_probabilities_of_all_rows_sum_to_one(name, table):
    found = Scoring(*model(name, table))(TABLES[table].everything)[0].numpy()
    assert total(found, TABLES[table].volume) == pytest.approx(1, abs=1e-4)
    if TABLES[table].volume == 1:
        assert found.max() <= 1e-6  # a probability
    assert np.exp(found.astype(np.float64)).max() > 0.01  # and the sum is not that of a great many


@pytest.mark.parametrize("name", OPTIONS)
def test_samples_follow_the_probabilities(name):
    family, transform = model(name, "categories")
    everything = TABLES["categories"].everything
    expected = Scoring(family, transform)(everything)[0].double().exp() * COUNT
    drawn = sample(family, transform, COUNT, seed=1)
    index = (drawn[:, None] == everything).all(2).double().argmax(1)
    assert_chi_square(torch.bincount(index, minlength=len(everything)), expected)


@pytest.mark.parametrize("table", ["categories", "mixed", "few-numbers"])
@pytest.mark.parametrize("name", MARGINALISE)
def test_what_misses_a_category_has_the_probability_of_all_that_it_may_be(name, table):
    rows = TABLES[table].x[:50].clone()
    codes = torch.arange(float(TABLES[table].categories[-1]))
    every = rows.repeat_interleave(len(codes), 0)
    every[:, -1] = codes.repeat(len(rows))
    rows[:, -1] = torch.nan
    scoring = Scoring(*model(name, table))
    expected = torch.logsumexp(scoring(every)[0].double().reshape(len(rows), -1), 1)
    torch.testing.assert_close(scoring(rows)[0].double(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["gmm", "rnade", "made"])
def test_tails_of_counted_values_are_probabilities(name):
    family, transform = model(name, "categories")
    tails = family.dim_log_tail(transform(TABLES["categories"].everything))
    assert float(tails.max()) <= 1e-6
    assert torch.isfinite(tails).all()


def test_the_tail_of_a_value_has_half_of_its_own_probability():
    cells = Cells(1)
    cells.take(quantum=torch.tensor([1.0]), count=torch.tensor([4.0]))
    mixture = Mixture(*torch.tensor([[0.3, 0.7], [0.4, 2.1], [0.01, 0.8]], dtype=torch.float64))
    mixture = replace(mixture, log_weights=mixture.log_weights.log())
    codes = torch.arange(4, dtype=torch.float64)[:, None]
    share = mixture.log_prob_in(cells, codes).exp()[:, 0]
    below = torch.cumsum(share, 0) - share / 2
    found = mixture.log_tail_in(cells, codes).exp()[:, 0]
    torch.testing.assert_close(found, 2 * torch.minimum(below, 1 - below), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_category_that_was_never_seen_is_a_surprise_and_finite(name):
    """Not even in a column in which the fit split has one category only."""
    table = TABLES["mixed"]
    once = type(table)((0 * table.columns[0], *table.columns[1:]), table.categories, table.axes)
    family, transform = fitted(name, once)
    rows = once.x[:20].clone()
    usual = Scoring(family, transform)(rows)[0]
    rows[:, 0] = 1
    unseen = Scoring(family, transform)(rows)[0]
    assert torch.isfinite(unseen).all()
    assert (unseen < usual - 2).all()


def test_a_number_between_those_that_are_counted_and_one_beyond_are_surprises():
    seen, between, beyond, further = Scoring(*model("gmm", "few-numbers"))(
        torch.tensor([[2.0, 0], [2.5, 0], [9, 0], [90, 0]])
    )[0]
    assert seen > between + 4
    assert seen > beyond + 4
    assert beyond > further


def texts(alphabet: int, length: int) -> np.ndarray:
    """The codes of every text of at most that length, uint8."""
    every = np.indices((alphabet + 1,) * length).reshape(length, -1).T
    ended = np.cumsum(every == 0, 1) > 0
    return every[(every == np.where(ended, 0, every)).all(1)].astype(np.uint8)


TEXT = [f"{name}-with-an-end" for name in ("rnn", "attention", "wavenet", "markov", "categorical")]


def test_every_family_that_takes_texts_is_tried():
    """Here and, with its samples and completions, by the laws of all cases that can be listed."""
    assert {CASES[name].family for name in TEXT} == {name for name in FAMILIES if takes_texts(name)}


def takes_texts(name: str) -> bool:
    kind = FAMILIES[name]
    if "levels" not in spaces(kind) or not issubclass(kind, FactorisedDensity):
        return False
    try:
        kind(Facts((4,), "levels", 3, end=0, classes=2), kind.Options())
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "name", [name if name.startswith("rnn") else pytest.param(name, marks=pytest.mark.full) for name in TEXT]
)
def test_exported_probabilities_of_all_texts_sum_to_one(name):
    family = CASES[name].build()
    length = family.event_shape[0]
    graph = computations(family, Symbols(DataFacts("text", (length,), "ab"), Symbols.Options()))["score"]
    (found, *_) = OnnxRunner(to_onnx(graph, half_weights=False))(texts(2, length))
    assert len(found) == 2 ** (length + 1) - 1
    assert total(found, 1) == pytest.approx(1, abs=1e-4)


@pytest.mark.full
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", OPTIONS)
def test_exported_probabilities_of_all_rows_sum_to_one(name, table):
    family, transform = model(name, table)
    (found, *_) = OnnxRunner(to_onnx(computations(family, transform)["score"], half_weights=False))(
        TABLES[table].everything.numpy()
    )
    assert total(found, TABLES[table].volume) == pytest.approx(1, abs=1e-4)


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "transform", "shown"),
    [
        ("made", Binarise(DataFacts("image", (3, 3, 1)), Binarise.Options()), [0, 255]),
        ("pixelcnn-grey", Levels(DataFacts("image", (2, 3, 1)), Levels.Options(count=4)), [0, 85, 170, 255]),
    ],
)
def test_exported_probabilities_of_all_images_sum_to_one(name, transform, shown):
    graph = computations(CASES[name].build(), transform)["score"]
    pixels = math.prod(transform.raw_shape)
    every = np.array(shown, np.uint8)[np.indices((len(shown),) * pixels).reshape(pixels, -1).T]
    (found, *_) = OnnxRunner(to_onnx(graph, half_weights=False))(every.reshape(-1, *transform.raw_shape))
    assert total(found, 1) == pytest.approx(1, abs=1e-4)
