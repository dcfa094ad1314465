"""A run belongs to a recipe and its data; what changed is said, and never mixed."""

import numpy as np
import pytest
import torch

from training.errors import FitError
from training.fit import Hardware, fit, load_fitted
from training.prepare import Prepared, prepare
from training.recipe import candidates, parse
from training.run import Run

CPU = Hardware("cpu", "1", quiet=True)
TEXT = """
name = "tiny-rows"
summary = "for tests"
[data]
source = "npz"
path = "{path}"
[transform]
name = "standardise"
{families}
"""
GMM = 'name = "gmm"\ncomponents = [{count}]\ncovariances = ["full"]\nrestarts = 1\n'


@pytest.fixture
def rows(tmp_path):
    """Prepares a recipe on rows around a centre, one for every family."""

    def build(centre: float, families: int = 1) -> list[Prepared]:
        np.savez(tmp_path / "rows.npz", x=np.random.default_rng(0).normal(centre, 1, (300, 2)))
        header = "[family]" if families == 1 else "[[family]]"
        parts = "".join(f"{header}\n{GMM.format(count=count)}" for count in range(1, families + 1))
        text = TEXT.format(path=(tmp_path / "rows.npz").as_posix(), families=parts)
        return [prepare(one) for one in candidates(parse(text))]

    return build


@pytest.mark.parametrize("families", [1, 2])
def test_changed_data_are_another_run_that_says_so(rows, tmp_path, families):
    before = [fit(one, Run.of(one, tmp_path), CPU, resume=True) for one in rows(0, families)]
    assert all("was fitted already" in Run.of(one, tmp_path).story() for one in rows(0, families))
    after = [Run.of(one, tmp_path) for one in rows(100, families)]
    for fitted, run in zip(before, after, strict=True):
        assert run.other_data == fitted.run.folder != run.folder
        assert f"data changed since it was fitted ({fitted.run.folder})" in run.story()
    new = [fit(one, run, CPU, resume=True) for one, run in zip(rows(100, families), after, strict=True)]
    assert all(abs(item.prepared.transform.mean.mean() - 100) < 1 for item in new)
    assert [Run.of(one, tmp_path).folder for one in rows(0, families)] == [item.run.folder for item in before]


def test_a_run_on_other_data_is_not_loaded(rows, tmp_path):
    (before,), (after,) = rows(0), rows(100)
    fit(before, Run.of(before, tmp_path), CPU, resume=True)
    with pytest.raises(FitError, match=r"data of this recipe changed since it was fitted .*pofx fit"):
        load_fitted(after, Run.of(after, tmp_path))


def test_nothing_is_said_of_a_first_run(rows, tmp_path):
    (first,) = rows(0)
    assert Run.of(first, tmp_path).story() is None


def test_damaged_weights_are_refused_by_name(rows, tmp_path):
    (prepared,) = rows(0)
    run = fit(prepared, Run.of(prepared, tmp_path), CPU, resume=True).run
    content = run.fitted.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"no weights"):
        run.fitted.write_bytes(damaged)
        with pytest.raises(FitError, match=r"fitted\.pt: damaged, .* --fresh"):
            load_fitted(prepared, run)


@pytest.mark.parametrize("content", [None, "", "{}", "[1]"])
def test_a_damaged_report_is_refused_by_name(rows, tmp_path, content):
    (prepared,) = rows(0)
    run = fit(prepared, Run.of(prepared, tmp_path), CPU, resume=True).run
    report = run.folder / "report.json"
    report.unlink() if content is None else report.write_text(content)
    with pytest.raises(FitError, match=r"report\.json: damaged, .* --fresh"):
        load_fitted(prepared, run)


@pytest.mark.parametrize("content", [b"", b"half of it"])
def test_a_damaged_checkpoint_is_refused_by_name(experiment, tmp_path, content):
    ready = experiment("made")
    run = Run.of(ready, tmp_path)
    run.last_checkpoint.parent.mkdir(parents=True)
    run.last_checkpoint.write_bytes(content)
    with pytest.raises(FitError, match=r"last\.ckpt: damaged, .* --fresh"):
        fit(ready, run, CPU, resume=True)


def test_weights_that_cannot_be_written_leave_nothing_behind(rows, tmp_path):
    (prepared,) = rows(0)
    run = Run.of(prepared, tmp_path / "runs")
    run.fitted.mkdir(parents=True)  # in the way of the file
    with pytest.raises(FitError, match=r"fitted\.pt: cannot be written"):
        run.save(run.fitted, {"a": torch.zeros(3)})
    assert list(run.folder.iterdir()) == [run.fitted]


IN_THE_WAY = [("gmm", ""), ("gmm", "recipe.toml"), ("gmm", "report.json"), ("made", ""), ("made", "checkpoints")]


@pytest.mark.parametrize(("family", "place"), IN_THE_WAY)
def test_what_cannot_be_written_in_the_run_folder_is_named(experiment, tmp_path, family, place):
    prepared = experiment(family)
    run = Run.of(prepared, tmp_path)
    (run.folder / place).parent.mkdir(parents=True)
    if place.endswith((".toml", ".json")):
        (run.folder / place).mkdir()  # a folder in the way of a file, and a file in the way of a folder
    else:
        (run.folder / place).write_text("")
    with pytest.raises(FitError, match=r"cannot be written, is the disk full\?") as refused:
        fit(prepared, run, CPU, resume=True)
    assert str(refused.value).startswith(str(run.folder))


@pytest.mark.parametrize("words", ["basic_ios::clear: iostream error", "[enforce fail at inline_container.cc:672]"])
def test_an_error_of_the_writer_of_tensors_names_the_run(tmp_path, words):
    with pytest.raises(FitError, match="cannot be written"), Run(tmp_path).writing():
        raise RuntimeError(words)
    with pytest.raises(RuntimeError, match="shapes differ"), Run(tmp_path).writing():
        raise RuntimeError("shapes differ")
