"""The manifest of a calibrated model: its graphs, score, samples, codes and origin."""

import datetime
import platform
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from pofx import bundle
from training.calibrate import Calibrated
from training.data import Dataset
from training.evaluate.detection import HELD_OUT
from training.evaluate.fixed_draws import MONTE_CARLO_ERROR
from training.evaluate.measurement import Measurement
from training.export.export import file_name
from training.export.graphs import Computation, completes
from training.export.parity import tolerance
from training.missing import marginalises
from training.prepare import Prepared
from training.run import FitReport
from training.scoring import NOISE_SEED, bound_of
from training.zoo.base import (
    ConditioningSampler,
    Density,
    Encoder,
    LabelPosterior,
    Reconstructing,
    VariationalBound,
    takes_label,
)
from training.zoo.parts.conditionals import raster

GOLDEN, CALIBRATION = "golden.npz", "calibration.npz"


def manifest_body(calibrated: Calibrated, measurements: Sequence[Measurement]) -> bundle.ManifestBody:
    """Everything but name, version and checksums."""
    prepared, graphs = calibrated.prepared, calibrated.exported.graphs
    recipe, report = prepared.recipe, calibrated.exported.finished.fitted.report
    return bundle.ManifestBody(
        family=recipe.family_name,
        summary=recipe.summary,
        input=_input(prepared),
        dims=prepared.family.dims,
        graphs={name: graph_spec(name, item, recipe.export.formats) for name, item in graphs.items()},
        generate=_generate(prepared, graphs),
        score=_score(calibrated, measurements),
        encode=_encode(prepared),
        decode=bundle.Decode(graph="decode", item="item") if isinstance(prepared.family, Reconstructing) else None,
        golden=bundle.Golden(file=GOLDEN, tolerances={name: golden_tolerance(item) for name, item in graphs.items()}),
        metrics=tuple(_metric(item) for item in measurements),
        provenance=_provenance(prepared, report),
    )


def _score(calibrated: Calibrated, measurements: Sequence[Measurement]) -> bundle.Score | None:
    """How the score graph is to be read, None where there is none."""
    statistics = calibrated.exported.finished.statistics
    if statistics is None:
        return None
    held, source = calibrated.items, calibrated.prepared.dataset.source
    return bundle.Score(
        graph="score",
        density=_density(calibrated.prepared, measurements),
        noise_seed=NOISE_SEED,
        statistics=tuple(
            bundle.Statistic(name=item.name, unit=item.unit, tail=item.tail, description=item.description)
            for item in calibrated.exported.finished.listed
        ),
        calibration=bundle.Calibration(
            file=CALIBRATION,
            n=len(held),
            incomplete=int((~held.is_complete).sum()),
            data=f"calibration split of {source}, never used to fit",
            labels=calibrated.labels.counts,
            groups=_groups(calibrated.prepared),
            patterns=calibrated.patterns,
            held_out=_held_out(calibrated.prepared, measurements),
        ),
    )


def _groups(prepared: Prepared) -> bundle.Groups | None:
    """What belongs together, None where every item is by itself."""
    dataset = prepared.dataset
    if not dataset.items.are_grouped:
        return None
    return bundle.Groups(by=dataset.grouped_by, items=len(prepared.splits.calibration))


def _held_out(prepared: Prepared, measurements: Sequence[Measurement]) -> bundle.HeldOut | None:
    """The false alarms on the held-out split that chance does not explain; None where none were counted."""
    rates = [item for item in measurements if item.limit is not None and item.split == HELD_OUT]
    if not rates:
        return None
    found = tuple(
        bundle.ExcessAlarms(
            statistic=item.statistic, alpha=float(item.name.rpartition("_")[2]), rate=item.value, limit=item.limit
        )
        for item in rates
        if item.value > item.limit
    )
    held_out = prepared.splits.held_out
    each = ", one item of each group" * held_out.are_grouped
    return bundle.HeldOut(items=len(held_out.drawn), comparison=f"the split held out for it{each}", excess=found)


def _density(prepared: Prepared, measurements: Sequence[Measurement]) -> bundle.Density | None:
    """What log_prob is, None for statistics without one."""
    if not isinstance(prepared.family, Density):
        return None
    bound = bound_of(prepared.family, prepared.transform)
    kind = "lower_bound" if bound else "exact"
    error = next((item.value for item in measurements if item.name == MONTE_CARLO_ERROR), None)
    return bundle.Density(kind=kind, bound=bound, over=prepared.transform.density_of, standard_error=error)


def _encode(prepared: Prepared) -> bundle.Encode | None:
    """What a code is: where codes have a prior it is normal, and a code of labels names them."""
    family = prepared.family
    if not isinstance(family, Encoder):
        return None
    return bundle.Encode(
        graph="encode",
        dims=family.embedding_dims,
        description=family.encodes,
        prior="normal" if isinstance(family, VariationalBound | Reconstructing) else None,
        classes=prepared.dataset.label_names if isinstance(family, LabelPosterior) else (),
    )


def _input(prepared: Prepared) -> bundle.InputSpec:
    dataset, shape = prepared.dataset, prepared.transform.raw_shape
    match dataset.kind:
        case "image":
            sizes: Literal["refused", "lanczos"] = "lanczos" if dataset.resized else "refused"
            return bundle.ImageSpec(height=shape[0], width=shape[1], channels=shape[2], other_sizes=sizes)
        case "audio":
            return bundle.AudioSpec(rate_hz=dataset.rate_hz, length=shape[0])
        case "text":
            return bundle.TextSpec(alphabet=dataset.alphabet, length=shape[0])
    columns = _columns(dataset, prepared.splits.fit.x)
    return bundle.RowSpec(columns=columns, missing=_missing(prepared))


def _missing(prepared: Prepared) -> Literal["refused", "marginalised"]:
    return "marginalised" if marginalises(prepared.family, prepared.transform) else "refused"


def _columns(dataset: Dataset, raw: np.ndarray) -> tuple[bundle.Column, ...]:
    ranges = zip(dataset.columns, raw.min(0).tolist(), raw.max(0).tolist(), strict=True)
    return tuple(
        bundle.Column(name=name, minimum=low, maximum=high, categories=dataset.categories_of(place))
        for place, (name, low, high) in enumerate(ranges)
    )


def graph_spec(name: str, computation: Computation, formats: tuple[str, ...]) -> bundle.Graph:
    """A graph as it is stored in these formats."""
    return bundle.Graph(
        files={form: file_name(name, form) for form in formats},
        inputs=computation.inputs,
        outputs=computation.outputs,
        mflop_per_row=computation.mflop_per_row,
    )


def _generate(prepared: Prepared, graphs: dict[str, Computation]) -> bundle.Generate | None:
    family = prepared.family
    shared = {"sample": "sample", "conditions": _conditions(prepared)}
    if family.sampler == "fixed_point":
        return bundle.Generate(method="fixed_point", graph="propose", max_passes=family.dims + 1, **shared)
    if family.sampler is None:
        return None
    if (pieces := graphs["generate"].pieces) is not None:
        return bundle.Generate(
            method="sequential", graph="generate", positions=pieces.positions, chunk=pieces.chunk, **shared
        )
    outputs = [output.name for output in graphs["generate"].outputs]
    mean = "mean" if "mean" in outputs else None
    return bundle.Generate(method="direct", graph="generate", mean=mean, latents=family.latents, **shared)


def _conditions(prepared: Prepared) -> tuple[bundle.Condition, ...]:
    """What a sampler can be told."""
    labels = prepared.dataset.label_names if takes_label(prepared.family) else ()
    label = bundle.LabelCondition(labels=labels) if labels else None
    return tuple(item for item in (label, _completion(prepared)) if item is not None)


def _completion(prepared: Prepared) -> bundle.KnownCondition | None:
    """The order in which positions are drawn; a position is a pixel with all its colours, or a dimension."""
    family, shape = prepared.family, prepared.transform.event_shape
    if not completes(family, prepared.transform):
        return None
    if isinstance(family, ConditioningSampler):
        return bundle.KnownCondition(kind="any")
    if family.order is not None and torch.equal(family.order.cpu(), raster(shape)):
        return bundle.KnownCondition(kind="raster")
    if family.order is None or (len(shape) == 3 and shape[0] > 1):
        return bundle.KnownCondition(kind="mixed")
    return bundle.KnownCondition(kind="listed", order=tuple(family.order.tolist()))


def golden_tolerance(computation: Computation) -> bundle.Tolerance:
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


def _provenance(prepared: Prepared, report: FitReport) -> bundle.Provenance:
    return bundle.Provenance(
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        seed=prepared.recipe.seed,
        smoke=prepared.smoke,
        data=bundle.DataProvenance(
            source=prepared.dataset.source,
            licence=prepared.dataset.licence,
            fingerprint=prepared.data,
            splits=prepared.splits.sizes(),
        ),
        training_seconds=round(report.seconds, 1),
        versions={"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    )
