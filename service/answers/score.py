"""Scores as JSON, npy, CSV, Parquet, or a sheet of heat maps.

As a table they follow the columns of the table that was sent.
"""

import numpy as np

import bundle
from service.answers.surprise import per_position, surprise_map, waveform_map
from service.inference.graph import Array
from service.inference.model import Model
from service.operations.discoveries import Discoveries
from service.operations.scoring import Scores, score_of
from service.payloads.array import encode_npy
from service.payloads.columns import Columns, joined
from service.payloads.image import encode_png
from service.payloads.json_text import write_json
from service.payloads.parquet_if_there import encode_parquet
from service.payloads.picture import as_colour, contact_sheet, heat_map
from service.payloads.table import encode_csv
from service.schemas.score import CalibrationUsed, ItemScore, MultipleTesting, ScoreAnswer

_BYTES_PER_ITEM = 200
_PREFIX = "score"


def size(scores: Scores) -> int:
    """About how many bytes the answer has."""
    terms = 0 if scores.explanation is None else scores.explanation.nats.size * 20
    return len(scores.log_prob) * _BYTES_PER_ITEM + terms


def as_json(model: Model, items: Array, scores: Scores, notes: tuple[str, ...]) -> bytes:
    """The answer as text."""
    declared = score_of(model)
    answer: ScoreAnswer = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        "kind": declared.kind,
        "bound": declared.bound,
        "density_of": declared.density_of,
        "unit": "nats",
        "dims": model.manifest.dims,
        "calibration": _calibration(scores),
        "results": _results(model, items, scores),
        "notes": list(notes),
    }
    if scores.discoveries is not None:
        answer["multiple_testing"] = _multiple_testing(scores.discoveries)
    return write_json(answer)


def as_npy(spec: bundle.InputSpec, items: Array, scores: Scores) -> bytes:
    """A structured array, one record per item, with the values of a row first.

    Categories are codes; anomaly is false without verdict.
    """
    own = {column.name: items[:, place] for place, column in enumerate(spec.columns)} if spec.kind == "row" else {}
    columns = joined(own, _columns(scores), _PREFIX)
    records = np.empty(len(scores.log_prob), [(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        records[name] = values
    return encode_npy(records)


def as_csv(own: Columns | None, scores: Scores) -> bytes:
    """A line per item, after its own cells; numbers that are not finite, and verdicts that are none, stay empty."""
    return encode_csv(joined({} if own is None else own.cells(), _with_gaps(scores), _PREFIX))


def as_parquet(own: Columns | None, scores: Scores) -> bytes:
    """A row per item, after its own values; verdicts that are none are missing."""
    return encode_parquet(joined({} if own is None else own.typed(), _with_gaps(scores), _PREFIX))


def as_sheet(spec: bundle.InputSpec, items: Array, scores: Scores) -> bytes:
    """A PNG with every input beside its heat map, or above it where the input is a recording."""
    if scores.explanation is None:
        raise ValueError("a sheet needs scores with an explanation")
    nats = scores.explanation.nats
    if spec.kind == "audio":
        pairs = zip(items, nats, strict=True)
        return encode_png(contact_sheet(np.stack([waveform_map(values, surprise)[0] for values, surprise in pairs])))
    maps = np.stack([heat_map(per_position(surprise))[0] for surprise in nats])
    pictures = np.stack([as_colour(items), maps], axis=1)  # (n, 2, height, width, 3)
    columns = 2 * max(1, round(len(maps) ** 0.5 / 1.5))
    return encode_png(contact_sheet(pictures.reshape(-1, *pictures.shape[2:]), columns))  # of (2n, height, width, 3)


def _calibration(scores: Scores) -> CalibrationUsed:
    rule, comparison = scores.rule, scores.comparison
    least, threshold = min(zip(comparison.sizes, rule.thresholds, strict=True), key=lambda pair: pair[0].n)
    used: CalibrationUsed = {
        "n": least.n,
        "alpha": rule.alpha,
        "promise": rule.promise,
        "threshold": threshold,
        "smallest_p_value": least.smallest_p_value,
        "verdict_by": rule.statistic,
    }
    if comparison.labels is not None:
        used["labels"] = [
            {"label": size.label or "", "n": size.n, "threshold": limit, "smallest_p_value": size.smallest_p_value}
            for size, limit in zip(comparison.sizes, rule.thresholds, strict=True)
        ]
    return used


def _columns(scores: Scores) -> dict[str, Array]:
    labels = scores.comparison.labels_of(len(scores.p_value))
    statistics = {
        name: values
        for statistic in scores.statistics
        for name, values in (
            (f"{statistic}_value", scores.statistics[statistic]),
            (f"{statistic}_p_value", scores.p_values[statistic]),
        )
    }
    return {
        "log_prob": scores.log_prob,
        "bits_per_dim": scores.bits_per_dim,
        "p_value": scores.p_value,
        "anomaly": scores.anomaly,
        **statistics,
        **({"label": np.array(labels)} if labels else {}),
        **({} if scores.discoveries is None else {"discovery": scores.discoveries.found}),
    }


def _with_gaps(scores: Scores) -> dict[str, Array]:
    """The columns, with no verdict where there is no p-value."""
    return {**_columns(scores), "anomaly": np.ma.masked_where(np.isnan(scores.p_value), scores.anomaly)}


def _multiple_testing(found: Discoveries) -> MultipleTesting:
    return {"fdr": found.fdr, "tests": found.tests, "discoveries": found.count, "threshold": found.threshold}


def _results(model: Model, items: Array, scores: Scores) -> list[ItemScore]:
    statistics = {
        name: list(zip(values.tolist(), scores.p_values[name].tolist(), strict=True))
        for name, values in scores.statistics.items()
    }
    rows = zip(
        scores.log_prob.tolist(),
        scores.bits_per_dim.tolist(),
        scores.p_value.tolist(),
        scores.anomaly.tolist(),
        strict=True,
    )
    results: list[ItemScore] = [
        {
            "log_prob": log_prob,
            "bits_per_dim": bits,
            "p_value": p_value,
            "anomaly": anomaly if p_value == p_value else None,  # NaN has no verdict
            "statistics": {
                name: {"value": pairs[index][0], "p_value": pairs[index][1]} for name, pairs in statistics.items()
            },
        }
        for index, (log_prob, bits, p_value, anomaly) in enumerate(rows)
    ]
    for result, label in zip(results, scores.comparison.labels_of(len(results)), strict=False):
        result["label"] = label
    if scores.discoveries is not None:
        for result, discovery in zip(results, scores.discoveries.found.tolist(), strict=True):
            result["discovery"] = discovery
    if scores.explanation is not None:
        kind = scores.explanation.kind
        for result, values, surprise in zip(results, items, scores.explanation.nats, strict=True):
            result["map"] = {"kind": kind, **surprise_map(model.manifest.input, values, surprise)}
    return results
