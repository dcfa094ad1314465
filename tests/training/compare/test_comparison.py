"""The whole comparison, on a set that every good method solves."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from training import cli
from training.compare import comparison
from training.compare.comparison import Plan, compare
from training.compare.records import Records
from training.compare.report import tables
from training.errors import DataError
from training.recipe import parse

RECIPE = """
name = "tiny-density"
summary = "for tests"
[data]
source = "breast-cancer"
[transform]
name = "columns"
[[family]]
name = "gmm"
components = [2]
covariances = ["full"]
restarts = 1
[[family]]
name = "gmm"
components = [1]
covariances = ["diag"]
restarts = 1
"""


@pytest.fixture
def folder(tmp_path):
    """A set with 280 rows on a line, one column of it constant, and 20 rows beside the line."""
    random = np.random.default_rng(0)
    line = random.normal(size=300)
    aside = np.arange(300) >= 280
    rows = np.stack([line, line + 0.05 * random.normal(size=300) + 1.5 * aside, np.ones(300)], 1)
    np.savez(tmp_path / "1_line.npz", X=rows, y=aside.astype(int))
    return tmp_path


@pytest.fixture
def plan(folder):
    return Plan({"line": folder / "1_line.npz"}, ("one-class",), 2, parse(RECIPE), methods=("KNN", "ECOD"))


@pytest.mark.full
def test_a_density_finds_what_marginals_cannot(plan, tmp_path):
    steps: list[str] = []
    found = compare(plan, Records(None), tmp_path / "runs", steps.append)
    assert len(steps) == plan.steps == 6
    auroc = {name: [r.quality.auroc for r in found if r.method == name] for name in ("ours: log_prob", "ECOD")}
    assert len(auroc["ours: log_prob"]) == 2
    assert min(auroc["ours: log_prob"]) > 0.99
    assert max(auroc["ECOD"]) < 0.9


def test_nothing_finished_is_done_again_and_nothing_else_is_taken_for_it(plan, tmp_path, monkeypatch):
    path = tmp_path / "records.json"
    first = compare(plan, Records.read(path), tmp_path / "runs", lambda _: None)

    def refuse(*_):
        raise AssertionError("measured again")

    monkeypatch.setattr(comparison, "outcome", refuse)
    monkeypatch.setattr(comparison, "DETECTORS", {})
    assert compare(plan, Records.read(path), tmp_path / "runs", lambda _: None) == first
    other = Plan(plan.sets, plan.protocols, 1, parse(RECIPE.replace("[2]", "[3]")), plan.methods)
    with pytest.raises(AssertionError, match="measured again"):
        compare(other, Records.read(path), tmp_path / "runs", lambda _: None)


def test_an_interrupted_comparison_keeps_every_method_that_was_finished(plan, tmp_path, monkeypatch):
    path = tmp_path / "records.json"

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(comparison, "outcome", interrupt)
    with pytest.raises(KeyboardInterrupt):
        compare(plan, Records.read(path), tmp_path / "runs", lambda _: None)
    assert [row["method"] for row in json.loads(path.read_text())["records"]] == ["KNN", "ECOD"]


def test_a_damaged_file_of_records_is_refused(tmp_path):
    (tmp_path / "records.json").write_text('{"records": [{"set": 1}]}')
    with pytest.raises(DataError, match="records of an earlier comparison"):
        Records.read(tmp_path / "records.json")


def test_tables_have_a_row_for_every_set_and_method(plan, tmp_path):
    text = tables(compare(plan, Records(None), tmp_path / "runs", lambda _: None), 0.05)
    lines = text.splitlines()
    assert "## one-class" in lines
    assert sum(line.startswith("| line ") for line in lines) == 1
    for method in ("ours: log_prob", "KNN", "ECOD"):
        assert sum(line.startswith(f"| {method} ") for line in lines) == 1
    assert "families chosen: gmm 2" in text


@pytest.mark.full
def test_the_command_prints_both_tables(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "tiny.toml").write_text(RECIPE)
    arguments = ["--data", ".", "--recipe", "tiny.toml", "--seeds", "1", "--protocol", "both", "--methods", "KNN"]
    result = CliRunner().invoke(cli.app, ["compare", *arguments, "--json", "out.json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "## one-class" in result.output
    assert "## contaminated" in result.output
    kept = {(row["protocol"], row["method"]) for row in json.loads((folder / "out.json").read_text())["records"]}
    assert {(name, method) for name in comparison.PROTOCOLS for method in ("KNN", "ours: log_prob")} <= kept
