"""A run survives being stopped, and leaves what it learnt."""

import csv
import re

import pytest
import torch

from training import callbacks
from training.errors import FitError
from training.fit import Hardware, fit, load_fitted
from training.game import Game
from training.run import Run

CPU = Hardware("cpu", "1")


def test_training_lowers_the_loss_and_keeps_the_best_weights(experiment, tmp_path):
    ready = experiment("made", smoke=False)
    run = Run.of(ready, tmp_path)
    before = ready.family.log_prob(ready.transform(torch.from_numpy(ready.splits.test.x))).mean()
    report = fit(ready, run, CPU, resume=False).report
    after = ready.family.log_prob(ready.transform(torch.from_numpy(ready.splits.test.x))).mean()
    assert after > before + 5
    assert report.epochs == 3
    (metrics,) = run.metrics
    rows = list(csv.DictReader(metrics.read_text().splitlines()))
    assert sum(bool(row["validation_loss"]) for row in rows) == 3
    assert list((run.folder / "logs" / "tensorboard").glob("events*"))


@pytest.mark.parametrize("name", ["made", "dcgan"])
def test_a_killed_run_resumes_where_it_stopped(experiment, tmp_path, monkeypatch, name):
    ready = experiment(name)
    run = Run.of(ready, tmp_path)
    step = Game.training_step

    def killed_in_the_second_epoch(self, *args):
        if self.current_epoch == 1:
            raise SystemExit("killed")
        return step(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Game, "training_step", killed_in_the_second_epoch)
        with pytest.raises(SystemExit):
            fit(ready, run, CPU, resume=True)
    assert run.last_checkpoint.is_file()
    assert not run.fitted.is_file()

    seen = []

    def watched(self, *args):
        seen.append(self.current_epoch)
        return step(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Game, "training_step", watched)
        fit(experiment(name), run, CPU, resume=True)
    assert set(seen) == {1}  # of epochs 0 and 1, only the unfinished one
    assert run.fitted.is_file()


def test_a_finished_run_is_loaded_not_repeated(experiment, tmp_path):
    first, second = experiment("made"), experiment("made")
    run = Run.of(first, tmp_path)
    report = fit(first, run, CPU, resume=True).report
    assert fit(second, run, CPU, resume=True).report == report
    for a, b in zip(first.family.parameters(), second.family.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_same_seed_gives_the_same_weights(experiment, tmp_path):
    weights = []
    for index in range(2):
        ready = experiment("made")
        fit(ready, Run.of(ready, tmp_path / str(index)), CPU, resume=False)
        weights.append(torch.cat([p.flatten() for p in ready.family.parameters()]))
    torch.testing.assert_close(*weights)


def test_a_changed_recipe_is_another_run(experiment, text, tmp_path):
    from training.prepare import prepare
    from training.recipe import parse

    changed = prepare(parse(text("made").replace("epochs = 3", "epochs = 4")), smoke=True)
    assert Run.of(experiment("made"), tmp_path).folder != Run.of(changed, tmp_path).folder


def test_what_was_never_fitted_cannot_be_loaded(experiment, tmp_path):
    ready = experiment("made")
    with pytest.raises(FitError, match="pofx fit"):
        load_fitted(ready, Run.of(ready, tmp_path))


def test_weights_of_another_version_of_a_family_are_refused_with_the_cure(experiment, tmp_path):
    ready = experiment("gmm", smoke=False)
    run = Run.of(ready, tmp_path)
    fit(ready, run, CPU, resume=False)
    state = run.load(run.fitted)
    del state["family"]["columns.tables"]
    run.save(run.fitted, state)
    with pytest.raises(FitError, match=r"of this version of 'gmm'.*--fresh"):
        load_fitted(ready, run)


def test_the_time_of_a_run_is_said_before_its_first_epoch_ends(experiment, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(callbacks, "_MEASURED_S", 0.0)
    ready = experiment("made")
    fit(ready, Run.of(ready, tmp_path), CPU, resume=False)
    lines = capsys.readouterr().out.splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith("epoch 1/2"))
    assert re.fullmatch(r"1 steps in \d+ s: \d+ s an epoch, about \d+ s in all", lines[place - 1])


def test_a_mixture_keeps_its_number_of_components(experiment, tmp_path):
    first, second = experiment("gmm", smoke=False), experiment("gmm", smoke=False)
    run = Run.of(first, tmp_path)
    fitted = fit(first, run, CPU, resume=False)
    load_fitted(second, run)
    assert second.family.embedding_dims == fitted.report.chosen["components"]
    raw = torch.from_numpy(first.splits.test.x)
    assert torch.equal(first.family.log_prob(first.transform(raw)), second.family.log_prob(second.transform(raw)))
