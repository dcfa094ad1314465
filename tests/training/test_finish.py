"""Statistics are fitted once and kept with the run."""

import pytest
import torch

from training.finish import finish
from training.fit import Hardware, fit, load_fitted
from training.run import Run
from training.statistics import Statistics

CPU = Hardware("cpu", "1", quiet=True)


@pytest.mark.parametrize("name", ["made", "gmm", "vae", "wavenet", "markov-texts"])
def test_what_is_finished_is_loaded_and_not_fitted_again(experiment, tmp_path, monkeypatch, name):
    first, second = experiment(name), experiment(name)
    said: list[str] = []
    finished = finish(fit(first, Run.of(first, tmp_path), CPU, resume=False), said.append)
    assert said == ["fitting the statistics and their background model"]
    monkeypatch.delattr(Statistics, "fit")
    loaded = finish(load_fitted(second, Run.of(second, tmp_path)), said.append)
    assert len(said) == 1
    state, same = finished.statistics.state_dict(), loaded.statistics.state_dict()
    assert state.keys() == same.keys()
    assert all(torch.equal(state[key], same[key]) for key in state)


def test_statistics_of_other_software_are_fitted_again(experiment, tmp_path):
    ready = experiment("gmm")
    fitted = fit(ready, Run.of(ready, tmp_path), CPU, resume=False)
    finish(fitted, lambda _: None)
    fitted.run.save(fitted.run.finished, {"parts.0.strange": torch.zeros(3)})
    said: list[str] = []
    finish(fitted, said.append)
    assert "holds other statistics than this software has" in said[0]
    assert "parts.0.strange" not in fitted.run.load(fitted.run.finished)


def test_a_model_without_a_density_has_no_statistics(experiment, tmp_path):
    ready = experiment("dcgan")
    finished = finish(fit(ready, Run.of(ready, tmp_path), CPU, resume=False), lambda _: None)
    assert finished.statistics is None
    assert not finished.fitted.run.finished.exists()
