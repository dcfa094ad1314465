"""What a service would refuse never appears in the store."""

from dataclasses import replace

import pytest

import pofx
from pofx import bundle
from training.calibrate import calibrate
from training.errors import ExportError
from training.export.export import export
from training.finish import finish
from training.fit import Hardware, fit
from training.publish.publish import publish
from training.run import Run


@pytest.fixture
def calibrated(experiment, tmp_path):
    ready = experiment("naive_bayes")
    fitted = fit(ready, Run.of(ready, tmp_path / "runs"), Hardware("cpu", "1", quiet=True), resume=False)
    return calibrate(export(finish(fitted, lambda _: None), lambda _: None), lambda _: None)


def test_a_published_model_opens_and_says_what_its_codes_are(calibrated, tmp_path):
    written = publish(calibrated, [], bundle.Store(tmp_path / "models"), print).bundle
    model = pofx.load(written.folder)
    assert model.info.encode.classes == calibrated.prepared.dataset.label_names
    assert model.info.provenance.data.fingerprint == calibrated.prepared.data


def test_a_store_that_cannot_be_written_is_named(calibrated, tmp_path):
    (tmp_path / "models").write_text("a file where the store should be")
    with pytest.raises(ExportError, match=r"models: cannot write a new version"):
        publish(calibrated, [], bundle.Store(tmp_path / "models"), print)


def _off(run):
    return lambda *arrays: [values + 1 for values in run(*arrays)]


def test_a_graph_that_does_not_reproduce_its_golden_vectors_is_not_written(calibrated, tmp_path):
    store = bundle.Store(tmp_path / "models")
    runners = {**calibrated.exported.runners, "score": _off(calibrated.exported.runners["score"])}
    wrong = replace(calibrated, exported=replace(calibrated.exported, runners=runners))
    with pytest.raises(ExportError, match=r"would not be served, so it is not written: score\.out\.log_prob"):
        publish(wrong, [], store, print)
    assert store.names() == []


def test_a_calibration_that_does_not_fit_is_not_written(calibrated, tmp_path):
    store = bundle.Store(tmp_path / "models")
    short = {name: values[1:] for name, values in calibrated.values.items()}
    with pytest.raises(ExportError, match="would not be served"):
        publish(replace(calibrated, values=short), [], store, print)
    assert store.names() == []
    assert publish(calibrated, [], store, print).bundle.manifest.version == 1
