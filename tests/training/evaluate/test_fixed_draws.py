"""The Monte-Carlo error of an estimate is that of its draws, and what has no draws has none."""

import numpy as np
import pytest
import torch

import pofx
from pofx import bundle
from training.evaluate.fixed_draws import MONTE_CARLO_ERROR, evaluate_fixed_draws
from training.fit import Hardware, fit
from training.run import Run
from training.stages import published


@pytest.mark.parametrize("name", ["vae", "gmm-images"])
def test_the_error_is_that_of_fresh_draws(experiment, tmp_path, name):
    ready = experiment(name)
    fit(ready, Run.of(ready, tmp_path), Hardware("cpu", "1", quiet=True), resume=False)
    family, raw = ready.family.eval(), ready.splits.test.x
    (measured,) = evaluate_fixed_draws(family, ready.transform, raw)
    assert (measured.name, measured.unit) == (MONTE_CARLO_ERROR, "nats")
    generator = torch.Generator().manual_seed(7)
    noises = [*ready.transform.score_noise, *family.score_noise]
    own = len(ready.transform.score_noise)
    with torch.no_grad():
        draws = []
        for _ in range(200):
            noise = [item.draw(1, generator) for item in noises]
            draws.append(family.log_prob(ready.transform(torch.from_numpy(raw), *noise[:own]), *noise[own:]))
    fresh = float(torch.stack(draws).double().std(0).median())
    assert measured.value == pytest.approx(fresh, rel=0.5)
    assert measured.value > 0


@pytest.mark.parametrize("name", ["bernoulli", "dcgan"])
def test_what_is_exact_or_has_no_density_has_none(experiment, name):
    ready = experiment(name)
    assert evaluate_fixed_draws(ready.family, ready.transform, ready.splits.test.x) == []


def test_a_vae_carries_its_error_from_training_to_the_answer(experiment, tmp_path):
    ready = experiment("vae")
    fitted = fit(ready, Run.of(ready, tmp_path / "runs"), Hardware("cpu", "1", quiet=True), resume=False)
    done = published(fitted, bundle.Store(tmp_path / "models"), lambda _: None)
    (measured,) = (item for item in done.measurements if item.name == MONTE_CARLO_ERROR)
    assert done.bundle.manifest.score.density.standard_error == measured.value > 0
    model = pofx.load(done.bundle.folder)
    assert model.score(ready.splits.test.x[:2]).standard_error == measured.value
    card = done.bundle.read_bytes("CARD.md").decode()
    assert "estimate of a lower bound" in card
    assert MONTE_CARLO_ERROR in card
    assert np.isfinite(measured.value)
