"""Fitted experiment → bundle in the store: graphs, parity, calibration, evaluation, golden vectors, card, manifest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pofx import bundle
from pofx.rules import noise
from pofx.rules.conformal import ranked
from pofx.use.calibrate import LEAST_ITEMS, as_npz
from training.batches import chunk
from training.calibrate import Scorer, scorer_of
from training.errors import ExportError
from training.evaluate.coverage import evaluate_coverage
from training.evaluate.detection import evaluate_detection
from training.evaluate.labels import evaluate_labels
from training.evaluate.likelihood import evaluate_likelihood
from training.evaluate.measurement import Measurement
from training.export.card import card, pictures
from training.export.golden import golden
from training.export.graphs import Computation, computations
from training.export.labels import labelled
from training.export.manifest import file_name, manifest_body, score_of
from training.export.onnx import OnnxRunner, to_onnx
from training.export.parity import Runner, check_parity
from training.export.statistics import NOISE_SEED, fitted_statistics
from training.export.torchscript import TorchScriptRunner, to_torchscript
from training.export.weights import round_to_half, without_training_parts
from training.fit import FitReport, Run
from training.prepare import Experiment
from training.statistics import Statistics
from training.zoo.base import Density

Say = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """Graphs in every format of the recipe, one runner per graph (of the first format), and the score's statistics."""

    graphs: dict[str, Computation]
    files: dict[str, bytes]
    formats: tuple[str, ...]
    runners: dict[str, Runner]
    statistics: Statistics | None


def prepare_weights(experiment: Experiment) -> None:
    """Brings the weights into the form in which they are evaluated and shipped."""
    experiment.family.compact()
    if experiment.recipe.export.weights == "float16":
        round_to_half(experiment.family)
    without_training_parts(experiment.family)


def export_graphs(experiment: Experiment, say: Say) -> Exported:
    """Every graph in every format, each equal to the eager model; ExportError otherwise."""
    formats = experiment.recipe.export.formats
    if isinstance(experiment.family, Density):
        say("fitting the statistics and their background model")
    statistics = fitted_statistics(experiment)
    graphs = computations(experiment.family, experiment.transform, statistics)
    files: dict[str, bytes] = {}
    runners: dict[str, Runner] = {}
    for name, computation in graphs.items():
        for form in formats:
            data, runner = _exported(computation, form, half=experiment.recipe.export.weights == "float16")
            difference = check_parity(name, computation, runner)
            size_mb = len(data) / 1e6
            say(f"{file_name(name, form)}: {size_mb:.2f} MB, equal to the model, largest difference {difference:.2g}")
            files[file_name(name, form)] = data
            runners.setdefault(name, runner)
    return Exported(graphs, files, formats, runners, statistics)


def _exported(computation: Computation, form: str, *, half: bool) -> tuple[bytes, Runner]:
    if form == "onnx":
        data = to_onnx(computation, half_weights=half)
        return data, OnnxRunner(data)
    data = to_torchscript(computation)
    return data, TorchScriptRunner(data)


def scorer(exported: Exported, size: int) -> Scorer:
    """Raw items → statistics, computed by the exported graph exactly as the service does, ``size`` items at a time."""
    computation, run = exported.graphs["score"], exported.runners["score"]
    noise = [noise.draw_shared(item, NOISE_SEED) for item in computation.inputs[1:]]
    outputs, wanted = ([item.name for item in items] for items in (computation.outputs, exported.statistics.members))
    return scorer_of(lambda raw: run(raw, *noise), outputs, wanted, size)


def write_bundle(experiment: Experiment, report: FitReport, run: Run, store: bundle.Store, say: Say) -> bundle.Bundle:
    """The finished bundle, verified; nothing appears in the store unless everything passed."""
    prepare_weights(experiment)
    exported = export_graphs(experiment, say)
    files = dict(exported.files)
    measurements, score = _measured(experiment, exported, files, say)
    files["golden.npz"] = golden(exported.graphs, exported.runners, experiment.splits.test.complete().x, NOISE_SEED)
    files["recipe.toml"] = experiment.recipe.text.encode()
    drawn = pictures(experiment, run.metrics)
    files |= drawn.files
    body = manifest_body(experiment, exported.graphs, report, measurements, score)
    files["CARD.md"] = card(experiment, report, measurements, drawn, body.capabilities).encode()
    return bundle.write(store, experiment.name, body, files)


def measure(experiment: Experiment) -> list[Measurement]:
    """The likelihood and the labels of the test split and the class shares of samples, by the eager model.

    Of rows of a table those count that miss no value.
    """
    splits = experiment.splits.complete()
    family, transform, seed = experiment.family, experiment.transform, experiment.recipe.seed
    samples = experiment.recipe.evaluate.importance_samples
    likelihood = evaluate_likelihood(family, transform, splits.test.x, samples=samples, seed=seed)
    labels = evaluate_labels(family, transform, splits.test, seed)
    return likelihood + labels + evaluate_coverage(family, transform, splits, seed)


def _measured(
    experiment: Experiment, exported: Exported, files: dict[str, bytes], say: Say
) -> tuple[list[Measurement], bundle.Score | None]:
    measurements = measure(experiment)
    if "score" not in exported.graphs:
        _say_all(measurements, say)
        return measurements, None
    score = scorer(exported, chunk(experiment.family.dims, experiment.transform.levels))
    held = experiment.splits.calibration
    known = labelled(held.labels, experiment.dataset.label_names)
    calibration = ranked(score(held.x), known.places)
    if not all(np.isfinite(values).all() for values in calibration.values()):
        raise ExportError("the model gives held-out items a log-density that is not finite; it cannot be calibrated")
    files["calibration.npz"] = as_npz(calibration)
    if len(experiment.splits.calibration) < LEAST_ITEMS:
        say(f"calibrated on {len(experiment.splits.calibration)} items only: p-values will say little; use more data")
    described = score_of(experiment, exported.statistics, known.counts)
    tails = {statistic.name: statistic.tail for statistic in described.statistics}
    alphas = experiment.recipe.evaluate.alphas
    measurements += evaluate_detection(score, tails, calibration, experiment.splits, alphas)
    _say_all(measurements, say)
    return measurements, described


def _say_all(measurements: list[Measurement], say: Say) -> None:
    for item in measurements:
        say(str(item))
