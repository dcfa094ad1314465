"""Names of categories become codes by frequency, and are told apart from names of rows."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pofx.rules.categories import codes_of
from training.data import table
from training.data.category_columns import MOST_CATEGORIES, by_frequency
from training.data.dataset import Dataset
from training.errors import DataError
from training.prepare import data_facts
from training.transforms import TRANSFORMS

FRAME = pd.DataFrame(
    {
        "size": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        "colour": ["red", "blue", "red", " red ", None, "green", "blue", "green"],
        "grade": ["2", "1", "1", "1", "x", "2", "1", "1"],
        "fresh": [True, False, True, True, True, False, True, True],
        "id": [f"row {place}" for place in range(8)],
    }
)
CATEGORIES = {"colour": ("red", "blue", "green"), "grade": ("1", "2", "x"), "fresh": ("true", "false")}


@pytest.fixture(params=["csv", "parquet"])
def path(tmp_path, request):
    """The table with names in every form: text, numbers as text, booleans, categories of pandas."""
    path = tmp_path / f"t.{request.param}"
    if request.param == "csv":
        FRAME.assign(fresh=FRAME["fresh"].map({True: "true", False: "false"})).to_csv(path, index=False)
    else:
        FRAME.astype({"grade": "category"}).to_parquet(path)
    return path


def test_text_of_few_different_values_becomes_codes_by_frequency_and_then_by_name(path):
    dataset = table.load(path, (), None)
    assert dataset.columns == ("size", *CATEGORIES)
    assert dataset.categories == ((), *CATEGORIES.values())
    assert dataset.x.dtype == np.float32
    expected = [[0, 1, 0, 0, np.nan, 2, 1, 2], [1, 0, 0, 0, 2, 1, 0, 0], [0, 1, 0, 0, 0, 1, 0, 0]]
    np.testing.assert_array_equal(dataset.x[:, 1:].T, expected)


def test_text_of_many_different_values_is_left_out_and_says_so(path):
    (line,) = table.load(path, (), None).left_out
    assert "column 'id'" in line
    assert f"at most {MOST_CATEGORIES} categories" in line
    assert line.endswith("got 8 different texts in 8 rows")
    assert "row 0" not in line  # it goes to the card


def test_text_of_many_different_values_is_refused_where_it_is_named(path):
    with pytest.raises(DataError, match=r"column 'id': .* got 8 different texts in 8 rows"):
        table.load(path, ("size", "id"), None)


@pytest.mark.parametrize(("distinct", "rows", "kept"), [(50, 100, True), (51, 1000, False), (50, 99, False)])
def test_at_most_fifty_and_half_of_the_rows_are_categories(tmp_path, distinct, rows, kept):
    frame = pd.DataFrame({"a": np.arange(rows), "b": [f"v{row % distinct}" for row in range(rows)]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert table.load(tmp_path / "t.csv", (), None).columns == (("a", "b") if kept else ("a",))


def test_labels_are_no_categories(path):
    assert table.load(path, (), "fresh").columns == ("size", "colour", "grade")


@given(st.lists(st.sampled_from(["b", "a", "1", "Ä", "x y"]), min_size=1))
def test_codes_lead_back_to_names_and_small_codes_are_frequent(names):
    column = pd.Series(names, dtype=object)
    categories = by_frequency(column)
    found = codes_of(names, categories)
    assert [categories[int(code)] for code in found] == names
    counts = [names.count(name) for name in categories]
    assert counts == sorted(counts, reverse=True)


def described(name, x, categories):
    dataset = Dataset(x, "made up", "none", columns=("a", "b"), categories=(categories, ()))
    transform = TRANSFORMS[name](data_facts(dataset), TRANSFORMS[name].Options())
    transform.fit(x)
    return transform


@pytest.mark.parametrize("name", ["columns", "standardise"])
def test_whatever_is_drawn_a_category_comes_back_and_data_come_back_as_they_are(name):
    random = np.random.default_rng(0)
    x = np.stack([random.choice(4, 200, p=[0.6, 0.3, 0.08, 0.02]), random.normal(size=200)], 1).astype(np.float32)
    transform = described(name, x, tuple("wxyz"))
    torch.testing.assert_close(transform.inverse(transform(torch.from_numpy(x))), torch.from_numpy(x))
    drawn = transform.inverse(9 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0)))
    assert set(drawn[:, 0].tolist()) == {0.0, 1.0, 2.0, 3.0}
    assert len(set(drawn[:, 1].tolist())) == 500


@pytest.mark.parametrize("codes_seen", [[0, 1], [0, 2], [0, 0, 0, 3]])
def test_codes_repeat_with_quantum_one_however_few_there_are(codes_seen):
    x = np.stack([codes_seen, np.arange(len(codes_seen))], 1).astype(np.float32)
    transform = described("columns", x, tuple("wxyz"))
    assert (transform.quantum[0].item(), transform.lattice[0].item(), transform.bent[0].item()) == (1.0, True, False)
