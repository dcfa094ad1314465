"""The manifest of a fitted experiment: what the exporter knows about its graphs, score, samples and origin."""

import datetime
import platform
from typing import Literal

import numpy as np
import torch

from pofx import bundle
from training.data.dataset import Dataset
from training.evaluate.measurement import Measurement
from training.export.graphs import Computation, completes
from training.export.parity import tolerance
from training.export.statistics import NOISE_SEED, bound_of
from training.fit import FitReport
from training.missing import marginalises
from training.prepare import Experiment
from training.statistics import Statistics
from training.zoo.base import Encoder, takes_label
from training.zoo.parts.conditionals import raster


def file_name(graph: str, form: str) -> str:
    """``score.onnx`` or ``score.ts``."""
    return f"{graph}.{'onnx' if form == 'onnx' else 'ts'}"


def score_of(experiment: Experiment, statistics: Statistics, labels: tuple[bundle.LabelCount, ...]) -> bundle.Score:
    """How the score graph is to be read."""
    calibration = experiment.splits.calibration
    transform, bound = experiment.transform, bound_of(experiment.family, experiment.transform)
    return bundle.Score(
        graph="score",
        density=bundle.Density(kind="lower_bound" if bound else "exact", bound=bound, over=transform.density_of),
        noise_seed=NOISE_SEED,
        statistics=tuple(
            bundle.Statistic(name=item.name, unit=item.unit, tail=item.tail, description=item.description)
            for item in statistics.members
        ),
        calibration=bundle.Calibration(
            file="calibration.npz",
            n=len(calibration),
            incomplete=int((~calibration.is_complete).sum()),
            data=f"calibration split of {experiment.dataset.source}, never used to fit",
            labels=labels,
        ),
    )


def manifest_body(
    experiment: Experiment,
    graphs: dict[str, Computation],
    report: FitReport,
    measurements: list[Measurement],
    score: bundle.Score | None,
) -> bundle.ManifestBody:
    """Everything but name, version and checksums."""
    family, recipe = experiment.family, experiment.recipe
    return bundle.ManifestBody(
        family=recipe.family_name,
        summary=recipe.summary,
        input=_input(experiment),
        dims=family.dims,
        graphs={name: _graph(name, item, recipe.export.formats) for name, item in graphs.items()},
        generate=_generate(experiment, graphs),
        score=score,
        encode=bundle.Encode(graph="encode", dims=family.embedding_dims, description=family.encodes)
        if isinstance(family, Encoder)
        else None,
        golden=bundle.Golden(
            file="golden.npz", tolerances={name: _golden_tolerance(item) for name, item in graphs.items()}
        ),
        metrics=tuple(_metric(item) for item in measurements),
        provenance=_provenance(experiment, report),
    )


def _input(experiment: Experiment) -> bundle.InputSpec:
    dataset, shape = experiment.dataset, experiment.transform.raw_shape
    match dataset.kind:
        case "image":
            return bundle.ImageSpec(height=shape[0], width=shape[1], channels=shape[2])
        case "audio":
            return bundle.AudioSpec(rate_hz=dataset.rate_hz, length=shape[0])
        case "text":
            return bundle.TextSpec(alphabet=dataset.alphabet, length=shape[0])
    columns = _columns(dataset, experiment.splits.fit.x)
    return bundle.RowSpec(columns=columns, missing=_missing(experiment))


def _missing(experiment: Experiment) -> Literal["refused", "marginalised"]:
    return "marginalised" if marginalises(experiment.family, experiment.transform) else "refused"


def _columns(dataset: Dataset, raw: np.ndarray) -> tuple[bundle.Column, ...]:
    ranges = zip(dataset.columns, raw.min(0).tolist(), raw.max(0).tolist(), strict=True)
    return tuple(
        bundle.Column(name=name, minimum=low, maximum=high, categories=dataset.categories_of(place))
        for place, (name, low, high) in enumerate(ranges)
    )


def _graph(name: str, computation: Computation, formats: tuple[str, ...]) -> bundle.Graph:
    return bundle.Graph(
        files={form: file_name(name, form) for form in formats},
        inputs=computation.inputs,
        outputs=computation.outputs,
        mflop_per_row=computation.mflop_per_row,
    )


def _generate(experiment: Experiment, graphs: dict[str, Computation]) -> bundle.Generate | None:
    family = experiment.family
    shared = {"sample": "sample", "conditions": _conditions(experiment)}
    if family.sampler == "fixed_point":
        return bundle.Generate(method="fixed_point", graph="propose", max_passes=family.dims + 1, **shared)
    if family.sampler is None:
        return None
    outputs = [output.name for output in graphs["generate"].outputs]
    mean = "mean" if "mean" in outputs else None
    return bundle.Generate(method="direct", graph="generate", mean=mean, latents=family.latents, **shared)


def _conditions(experiment: Experiment) -> tuple[bundle.Condition, ...]:
    """What a sampler can be told."""
    labels = experiment.dataset.label_names if takes_label(experiment.family) else ()
    label = bundle.LabelCondition(labels=labels) if labels else None
    return tuple(item for item in (label, _completion(experiment)) if item is not None)


def _completion(experiment: Experiment) -> bundle.KnownCondition | None:
    """The order in which positions are drawn; a position is a pixel with all its colours, or a dimension."""
    family, shape = experiment.family, experiment.transform.event_shape
    if not completes(family, experiment.transform):
        return None
    if family.order is not None and torch.equal(family.order.cpu(), raster(shape)):
        return bundle.KnownCondition(kind="raster")
    if family.order is None or (len(shape) == 3 and shape[0] > 1):
        return bundle.KnownCondition(kind="mixed")
    return bundle.KnownCondition(kind="listed", order=tuple(family.order.tolist()))


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
