"""A bundle whose sampler was one long loop gets one in steps: same weights, same samples, everything else as it was."""

import numpy as np
import pytest

import pofx
from pofx import bundle
from training.errors import ExportError
from training.fit import Hardware, fit
from training.publish.renew import renew
from training.run import Run
from training.stages import published
from training.zoo.fvsbn import Fvsbn


@pytest.fixture
def store(tmp_path):
    return bundle.Store(tmp_path / "models")


@pytest.fixture
def looping(experiment, tmp_path, store, monkeypatch):
    """What earlier software wrote."""
    ready = experiment("fvsbn")
    run = Run.of(ready, tmp_path / "runs")
    with monkeypatch.context() as patch:
        patch.setattr(Fvsbn, "sampler", "direct")
        return published(fit(ready, run, Hardware("cpu", "1", quiet=True), resume=False), store, lambda _: None).bundle


@pytest.mark.full
def test_the_sampler_is_renewed_and_nothing_else(looping, store, monkeypatch):
    monkeypatch.setattr("training.export.pieces.STEP_S", 1e-4)
    new = renew(looping, store, lambda _: None)
    assert (looping.manifest.generate.method, new.manifest.generate.method) == ("direct", "sequential")
    assert new.manifest.generate.steps > 1
    assert new.manifest.version == looping.manifest.version + 1
    changed = {name for name, entry in new.manifest.files.items() if entry != looping.manifest.files[name]}
    assert changed == {"generate.onnx", "golden.npz"}
    assert (new.manifest.score, new.manifest.metrics) == (looping.manifest.score, looping.manifest.metrics)
    before, after = (pofx.load(one.folder) for one in (looping, new))
    assert np.array_equal(before.sample(33, seed=4).values, after.sample(33, seed=4).values)
    with pytest.raises(ExportError, match="expected a sampler that loops"):
        renew(new, store, lambda _: None)
