"""Which rows are fitted on, and which keep their gaps."""

import numpy as np
import pytest

from training.choose import choose, taking_gaps
from training.data import table
from training.errors import DataError
from training.fit import Hardware, fit
from training.prepare import prepare
from training.recipe import candidates, parse
from training.run import Run

RECIPE = """
name = "gappy"
summary = "for tests"
[data]
source = "table"
path = "{path}"
[transform]
name = "standardise"
{families}
[fit]
epochs = 1
ema = 0.5
"""
GMM = '[{brackets}]\nname = "gmm"\ncomponents = [1]\ncovariances = ["full"]\nrestarts = 1\n'
RNADE = '[{brackets}]\nname = "rnade"\nhidden = 4\ncomponents = 1\n'
NAMES = ("height", "weight", "age")


def csv(path, count=400, share=0.1):
    """A table with a share of its cells empty, and every second one of these NA."""
    random = np.random.default_rng(0)
    values = random.normal(size=(count, 3)) @ random.normal(size=(3, 3)) + 50
    cells = values.astype(str)
    gaps = random.random(values.shape) < share
    cells[gaps] = np.where(random.random(gaps.sum()) < 0.5, "", "NA")
    path.write_text("\n".join([",".join(NAMES), *map(",".join, cells)]) + "\n")
    return gaps


def recipe(path, *families):
    brackets = "family" if len(families) == 1 else "[family]"
    text = "".join(item.format(brackets=brackets) for item in families)
    return parse(RECIPE.format(path=path.as_posix(), families=text))


@pytest.fixture
def gappy(tmp_path):
    path = tmp_path / "t.csv"
    return path, csv(path)


def test_empty_cells_stay_missing(gappy):
    path, gaps = gappy
    assert np.array_equal(np.isnan(table.load(path, (), None).x), gaps)


def test_a_family_that_marginalises_is_fitted_on_complete_rows_and_measured_on_all(gappy):
    path, gaps = gappy
    ready = prepare(recipe(path, GMM))
    assert ready.splits.fit.is_complete.all()
    for part in (ready.splits.validation, ready.splits.calibration, ready.splits.test):
        assert not part.is_complete.all()
    assert ready.missing.cells == gaps.sum()
    assert sum(ready.missing.rows.values()) == gaps.any(1).sum()
    kept = sum(ready.splits.sizes().values())
    assert kept == len(gaps) - ready.missing.rows["fit"]
    assert f"the {ready.missing.rows['fit']} rows of fit were left out" in str(ready.missing)


def test_any_other_family_never_sees_rows_with_gaps(gappy):
    path, gaps = gappy
    ready = prepare(recipe(path, RNADE))
    assert all(part.is_complete.all() for part in ready.splits.parts.values())
    assert sum(ready.splits.sizes().values()) == (~gaps.any(1)).sum()
    assert "cannot marginalise" in str(ready.missing)


def test_a_complete_table_has_nothing_to_say(tmp_path):
    csv(tmp_path / "t.csv", share=0)
    assert prepare(recipe(tmp_path / "t.csv", GMM)).missing is None


def test_families_are_compared_on_the_same_rows(gappy, tmp_path):
    path, _ = gappy
    found = []
    for one in candidates(recipe(path, GMM, RNADE)):
        ready = prepare(one)
        run = Run.of(ready, tmp_path / "runs")
        found.append(fit(ready, run, Hardware("cpu", "1", quiet=True), resume=False))
    gmm, rnade = (item.prepared.splits for item in found)
    assert np.array_equal(gmm.fit.x, rnade.fit.x)
    assert np.array_equal(gmm.validation.complete().x, rnade.validation.x)
    said = []
    chosen = choose(found, said.append)
    assert all(np.isfinite(value) for name, value in chosen.report.chosen.items() if name.startswith("validation"))


def test_of_several_families_those_are_tried_that_take_gaps(gappy, tmp_path):
    path, _ = gappy
    found = [prepare(one) for one in candidates(recipe(path, GMM, RNADE))]
    (kept,) = taking_gaps(found)
    assert kept.recipe.family_name == "gmm"
    assert str(kept.missing).endswith("not tried, since they take no gaps: rnade")
    assert taking_gaps(found[1:]) == found[1:]  # better a model that refuses gaps than none
    csv(tmp_path / "whole.csv", share=0)
    whole = [prepare(one) for one in candidates(recipe(tmp_path / "whole.csv", GMM, RNADE))]
    assert taking_gaps(whole) == whole


def test_too_few_complete_rows_are_refused_with_the_emptiest_column(tmp_path):
    csv(tmp_path / "t.csv", count=120, share=0.3)
    with pytest.raises(DataError, match=r"at least 50 complete rows to fit on, got \d+ of 60; .* column '(height|w|a)"):
        prepare(recipe(tmp_path / "t.csv", GMM))


def test_a_column_without_any_value_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,\n2,\n")
    with pytest.raises(DataError, match="expected numbers in column b, got none"):
        table.load(tmp_path / "t.csv", (), None)


def test_an_infinite_value_is_refused_by_row_and_column(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,inf\n")
    with pytest.raises(DataError, match="infinite value in row 1, column b"):
        table.load(tmp_path / "t.csv", (), None)
