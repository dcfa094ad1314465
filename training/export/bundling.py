"""Fitted experiment → bundle in the store: graphs, parity, calibration, evaluation, golden vectors, card, manifest."""

import datetime
import platform
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

import bundle
from training.calibrate import Scorer, Statistics, calibrate
from training.errors import ExportError
from training.evaluate.coverage import evaluate_coverage
from training.evaluate.detection import evaluate_detection
from training.evaluate.likelihood import evaluate_likelihood
from training.evaluate.measurement import Measurement
from training.export.card import card, pictures
from training.export.golden import as_npz, golden
from training.export.graphs import Computation, computations
from training.export.noise import draw_shared
from training.export.onnx import OnnxRunner, to_onnx
from training.export.parity import Runner, check_parity, tolerance
from training.export.torchscript import TorchScriptRunner, to_torchscript
from training.export.weights import round_to_half, without_training_parts
from training.fit import FitReport, Run
from training.prepare import Experiment
from training.zoo.base import Density, DirectSampler, Encoder, FixedPointSampler

NOISE_SEED = 0
_SCORE_CHUNK = 200
Say = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """Graphs in every format of the recipe, and one runner per graph (of the first format)."""

    graphs: dict[str, Computation]
    files: dict[str, bytes]
    formats: tuple[str, ...]
    runners: dict[str, Runner]


def prepare_weights(experiment: Experiment) -> None:
    """Brings the weights into the form in which they are evaluated and shipped."""
    experiment.family.compact()
    if experiment.recipe.export.weights == "float16":
        round_to_half(experiment.family)
    without_training_parts(experiment.family)


def export_graphs(experiment: Experiment, say: Say) -> Exported:
    """Every graph in every format, each equal to the eager model; ExportError otherwise."""
    formats = experiment.recipe.export.formats
    graphs = computations(experiment.family, experiment.transform)
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
    return Exported(graphs, files, formats, runners)


def _exported(computation: Computation, form: str, *, half: bool) -> tuple[bytes, Runner]:
    if form == "onnx":
        data = to_onnx(computation, half_weights=half)
        return data, OnnxRunner(data)
    data = to_torchscript(computation)
    return data, TorchScriptRunner(data)


def file_name(graph: str, form: str) -> str:
    """``score.onnx`` or ``score.ts``."""
    return f"{graph}.{'onnx' if form == 'onnx' else 'ts'}"


def scorer(exported: Exported) -> Scorer:
    """Raw items → statistics, computed by the exported graph exactly as the service does."""
    computation, run = exported.graphs["score"], exported.runners["score"]
    noise = [draw_shared(item, NOISE_SEED) for item in computation.inputs[1:]]
    names = [output.name for output in computation.outputs]

    def score(raw: np.ndarray) -> Statistics:
        chunks = [run(raw[start : start + _SCORE_CHUNK], *noise) for start in range(0, len(raw), _SCORE_CHUNK)]
        return {"log_prob": np.concatenate([chunk[names.index("log_prob")] for chunk in chunks])}

    return score


def write_bundle(experiment: Experiment, report: FitReport, run: Run, store: bundle.Store, say: Say) -> bundle.Bundle:
    """The finished bundle, verified; nothing appears in the store unless everything passed."""
    prepare_weights(experiment)
    exported = export_graphs(experiment, say)
    files = dict(exported.files)
    measurements, score = _measured(experiment, exported, files, say)
    files["golden.npz"] = golden(exported.graphs, exported.runners, experiment.splits.test.x, NOISE_SEED)
    files["recipe.toml"] = experiment.recipe.text.encode()
    drawn = pictures(experiment, run.metrics)
    files |= drawn.files
    body = _manifest(experiment, exported, report, measurements, score)
    files["CARD.md"] = card(experiment, report, measurements, drawn, body.capabilities).encode()
    return bundle.write(store, experiment.name, body, files)


def measure(experiment: Experiment) -> list[Measurement]:
    """The likelihood of the test split and the class shares of samples, by the eager model."""
    family, transform, seed = experiment.family, experiment.transform, experiment.recipe.seed
    samples = experiment.recipe.evaluate.importance_samples
    likelihood = evaluate_likelihood(family, transform, experiment.splits.test.x, samples=samples, seed=seed)
    return likelihood + evaluate_coverage(family, transform, experiment.splits, seed)


def _measured(
    experiment: Experiment, exported: Exported, files: dict[str, bytes], say: Say
) -> tuple[list[Measurement], bundle.Score | None]:
    measurements = measure(experiment)
    if "score" not in exported.graphs:
        _say_all(measurements, say)
        return measurements, None
    score = scorer(exported)
    calibration = calibrate(score, experiment.splits.calibration.x)
    if not all(np.isfinite(values).all() for values in calibration.values()):
        raise ExportError("the model gives held-out items a log-density that is not finite; it cannot be calibrated")
    files["calibration.npz"] = as_npz(calibration)
    described = _score(experiment, len(experiment.splits.calibration))
    tails = {statistic.name: statistic.tail for statistic in described.statistics}
    alphas = experiment.recipe.evaluate.alphas
    measurements += evaluate_detection(score, tails, calibration, experiment.splits, alphas)
    _say_all(measurements, say)
    return measurements, described


def _say_all(measurements: list[Measurement], say: Say) -> None:
    for item in measurements:
        say(str(item))


def _score(experiment: Experiment, calibration_size: int) -> bundle.Score:
    family, transform = experiment.family, experiment.transform
    assert isinstance(family, Density)  # noqa: S101 - there is a score graph
    bound = " + ".join(filter(None, (family.bound, transform.bound))) or None
    return bundle.Score(
        graph="score",
        kind="lower_bound" if bound else "exact",
        bound=bound,
        noise_seed=NOISE_SEED,
        density_of=transform.density_of,
        statistics=(
            bundle.Statistic(
                name="log_prob",
                unit="nats",
                tail="low",
                description=f"log-density of {transform.density_of}" + (f", lower bound {bound}" if bound else ""),
            ),
        ),
        calibration=bundle.Calibration(
            file="calibration.npz",
            n=calibration_size,
            data=f"calibration split of {experiment.dataset.source}, never used to fit",
        ),
    )


def _manifest(
    experiment: Experiment,
    exported: Exported,
    report: FitReport,
    measurements: list[Measurement],
    score: bundle.Score | None,
) -> bundle.ManifestBody:
    family, recipe = experiment.family, experiment.recipe
    kind = "lower_bound" if score is not None and score.bound else family.kind
    return bundle.ManifestBody(
        family=recipe.family_name,
        kind=kind,
        summary=recipe.summary,
        input=_input(experiment),
        dims=family.dims,
        graphs={name: _graph(name, item, exported.formats) for name, item in exported.graphs.items()},
        generate=_generate(experiment, exported),
        score=score,
        encode=bundle.Encode(graph="encode", dims=family.embedding_dims, description=family.encodes)
        if isinstance(family, Encoder)
        else None,
        golden=bundle.Golden(
            file="golden.npz", tolerances={name: _golden_tolerance(item) for name, item in exported.graphs.items()}
        ),
        metrics=tuple(_metric(item) for item in measurements),
        provenance=_provenance(experiment, report),
    )


def _input(experiment: Experiment) -> bundle.ImageSpec | bundle.RowSpec:
    dataset, raw = experiment.dataset, experiment.splits.fit.x
    if dataset.is_image:
        height, width, channels = experiment.transform.raw_shape
        return bundle.ImageSpec(height=height, width=width, channels=channels)
    low, high = raw.min(0), raw.max(0)
    return bundle.RowSpec(
        columns=tuple(
            bundle.Column(name=name, minimum=float(low[index]), maximum=float(high[index]))
            for index, name in enumerate(dataset.columns)
        )
    )


def _graph(name: str, computation: Computation, formats: tuple[str, ...]) -> bundle.Graph:
    return bundle.Graph(
        files={form: file_name(name, form) for form in formats},
        inputs=computation.inputs,
        outputs=computation.outputs,
        mflop_per_row=computation.mflop_per_row,
    )


def _generate(experiment: Experiment, exported: Exported) -> bundle.Generate | None:
    family = experiment.family
    if isinstance(family, FixedPointSampler):
        return bundle.Generate(method="fixed_point", graph="propose", sample="sample", max_passes=family.dims + 1)
    if not isinstance(family, DirectSampler):
        return None
    outputs = [output.name for output in exported.graphs["generate"].outputs]
    mean = "mean" if "mean" in outputs else None
    return bundle.Generate(method="direct", graph="generate", sample="sample", mean=mean, latents=family.latents)


def _golden_tolerance(computation: Computation) -> bundle.Tolerance:
    """Ten times that of parity on one machine: another processor sums in another order."""
    same = tolerance(computation)
    return same.model_copy(update={"atol": same.atol if same.rtol == 0 else 10 * same.atol, "rtol": 10 * same.rtol})


def _metric(item: Measurement) -> bundle.Metric:
    return bundle.Metric(
        name=item.name,
        value=item.value,
        standard_error=item.standard_error,
        unit=item.unit,
        split=item.split,
        protocol=item.protocol,
    )


def _provenance(experiment: Experiment, report: FitReport) -> bundle.Provenance:
    return bundle.Provenance(
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        seed=experiment.recipe.seed,
        smoke=experiment.smoke,
        data=bundle.DataProvenance(
            source=experiment.dataset.source,
            licence=experiment.dataset.licence,
            fingerprint=experiment.splits.fingerprint(),
            splits=experiment.splits.sizes(),
        ),
        training_seconds=round(report.seconds, 1),
        versions={"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    )
