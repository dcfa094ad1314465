"""Scores as JSON, npy, CSV, Parquet, or a sheet of heat maps.

As a table they follow the columns of the table that was sent.
"""

from typing import Any

import numpy as np

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.columns import joined
from pofx.kinds.csv_text import encode_csv
from pofx.kinds.image import encode_png
from pofx.kinds.json_text import write_json
from pofx.kinds.npy import encode_npy
from pofx.kinds.parquet_if_there import encode_parquet
from pofx.rules.arrays import Array
from pofx.use.discoveries import Discoveries
from pofx.use.gap_comparison import PatternUsed
from pofx.use.online_fdr import OnlineDiscoveries
from pofx.use.reasons import reasons
from pofx.use.scores import REASON, Scores
from service.answers.heat import heat_sheet
from service.answers.surprise import surprise_map
from service.schemas.groups import groups_used
from service.schemas.score import CalibrationUsed, GapsUsed, ItemScore, MultipleTesting, ScoreAnswer

_BYTES_PER_ITEM = 200
_PREFIX = "score"


def size(scores: Scores) -> int:
    """About how many bytes the answer has."""
    terms = 0 if scores.explanation is None else scores.explanation.nats.size * 20
    return len(scores) * _BYTES_PER_ITEM + terms


def as_json(model: LoadedModel, scores: Scores) -> bytes:
    """The answer as text; the result of a file that was sent says what it is called."""
    results = _results(model, scores)
    if scores.faults.kept:
        for index, result in enumerate(results):
            result["reason"], result["error"] = scores.faults.unseen.get(index), scores.faults.wrong.get(index)
    for result, file in zip(results, scores.items.files, strict=False):
        result["file"] = file
    answer: ScoreAnswer = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        "kind": "none" if scores.density is None else scores.density.kind,
        "dims": model.manifest.dims,
        "calibration": _calibration(scores),
        "results": results,
        "notes": [*scores.items.notes, *scores.notes],
    }
    if scores.density is not None:
        answer["bound"], answer["density_of"], answer["unit"] = scores.density.bound, scores.density.over, "nats"
        if scores.density.standard_error is not None:
            answer["standard_error"] = scores.density.standard_error
    if scores.discoveries is not None:
        answer["multiple_testing"] = _multiple_testing(scores.discoveries)
    return write_json(answer)


def as_npy(spec: bundle.InputSpec, scores: Scores) -> bytes:
    """A structured array, one record per item, with the values of a row, or the name of a file, first.

    Categories are codes, −1 for one that training never saw; anomaly is false without verdict, and no text is empty.
    """
    items = scores.items
    own = (
        {column.name: items.array[:, place] for place, column in enumerate(spec.columns)} if spec.kind == "row" else {}
    )
    if items.files:
        own["file"] = np.array(items.files)
    columns = joined(own, {name: _as_array(values) for name, values in _columns(spec, scores).items()}, _PREFIX)
    records = np.empty(len(scores), [(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        records[name] = values
    return encode_npy(records)


def _as_array(values: Array | list[str | None]) -> Array:
    return np.array([text or "" for text in values]) if isinstance(values, list) else np.ma.getdata(values)


def as_csv(spec: bundle.InputSpec, scores: Scores) -> bytes:
    """A line per item, after its own cells; numbers that are not finite, and verdicts that are none, stay empty."""
    own = scores.items.columns
    return encode_csv(joined({} if own is None else own.cells(), _columns(spec, scores), _PREFIX))


def as_parquet(spec: bundle.InputSpec, scores: Scores) -> bytes:
    """A row per item, after its own values; verdicts that are none are missing."""
    own = scores.items.columns
    return encode_parquet(joined({} if own is None else own.typed(), _columns(spec, scores), _PREFIX))


def _columns(spec: bundle.InputSpec, scores: Scores) -> dict[str, Any]:
    """The columns of the scores, with the reason where an explanation was asked for."""
    if scores.explanation is None:
        return scores.columns()
    found = reasons(spec, scores.items.array, scores.explanation.nats)
    if not scores.faults.kept:
        return {**scores.columns(), REASON: found}
    sound = scores.faults.sound(len(scores))
    unseen = scores.faults.unseen_of(len(scores))
    return {**scores.columns(), REASON: np.where(sound, found, np.array(unseen, object)).tolist()}


def as_sheet(manifest: bundle.Manifest, scores: Scores) -> bytes:
    """A PNG with every input beside its heat map, or above it where the input is a recording.

    All maps share their colours, and a bar says what these mean.
    """
    if scores.explanation is None:
        raise ValueError("a sheet needs scores with an explanation")
    sound = scores.faults.sound(len(scores))
    return encode_png(heat_sheet(manifest, scores.items.array, scores.explanation, sound))


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
    if comparison.groups is not None:
        used["groups"] = groups_used(comparison.groups)
    if comparison.labels is not None:
        used["labels"] = [
            {"label": size.label or "", "n": size.n, "threshold": limit, "smallest_p_value": size.smallest_p_value}
            for size, limit in zip(comparison.sizes, rule.thresholds, strict=True)
        ]
    if scores.patterns:
        used["gaps"] = [_gaps(pattern) for pattern in scores.patterns]
    return used


def _gaps(pattern: PatternUsed) -> GapsUsed:
    return {
        "missing": list(pattern.missing),
        "rows": int(pattern.rows.sum()),
        "n": pattern.n,
        "masked": pattern.masked,
        "threshold": pattern.threshold,
        "smallest_p_value": pattern.size.smallest_p_value,
    }


def _multiple_testing(found: Discoveries) -> MultipleTesting:
    answer: MultipleTesting = {
        "fdr": found.fdr,
        "control": "online" if isinstance(found, OnlineDiscoveries) else "request",
        "by_group": found.by_group,
        "tests": found.tests,
        "discoveries": found.count,
        "threshold": found.threshold,
    }
    if isinstance(found, OnlineDiscoveries):
        now = found.stream
        answer["stream"] = {
            "tests": now.tests,
            "discoveries": now.discoveries,
            "level": now.level,
            "left": now.left,
        }
    return answer


def _results(model: LoadedModel, scores: Scores) -> list[ItemScore]:
    statistics = {
        name: list(zip(values.tolist(), scores.p_values[name].tolist(), strict=True))
        for name, values in scores.statistics.items()
    }
    verdicts = zip(scores.p_value.tolist(), scores.anomaly.tolist(), strict=True)
    results: list[ItemScore] = [
        {
            "p_value": p_value,
            "anomaly": anomaly if p_value == p_value else None,  # NaN has no verdict
            "statistics": {
                name: {"value": pairs[index][0], "p_value": pairs[index][1]} for name, pairs in statistics.items()
            },
        }
        for index, (p_value, anomaly) in enumerate(verdicts)
    ]
    if scores.log_prob is not None and scores.bits_per_dim is not None:
        pairs = zip(scores.log_prob.tolist(), scores.bits_per_dim.tolist(), strict=True)
        results = [
            {"log_prob": log_prob, "bits_per_dim": bits, **result}
            for (log_prob, bits), result in zip(pairs, results, strict=True)
        ]
    _add_names(results, scores)
    _add_discoveries(results, scores.discoveries)
    if scores.explanation is not None:
        kind = scores.explanation.kind
        found = zip(
            results, scores.items.array, scores.explanation.nats, scores.faults.sound(len(results)), strict=True
        )
        for result, values, surprise, sound in found:
            if sound:
                result["map"] = {"kind": kind, **surprise_map(model.manifest.input, values, surprise)}
    return results


def _add_names(results: list[ItemScore], scores: Scores) -> None:
    """The label that an item is compared within, and what it belongs to."""
    for result, label in zip(results, scores.comparison.labels_of(len(results)), strict=False):
        result["label"] = label
    for result, group in zip(results, scores.groups, strict=False):
        result["group"] = group


def _add_discoveries(results: list[ItemScore], found: Discoveries | None) -> None:
    """Which items are discoveries, and with an online rate at what level."""
    if found is not None:
        for result, discovery in zip(results, found.found.tolist(), strict=True):
            result["discovery"] = discovery
    if isinstance(found, OnlineDiscoveries):
        for result, level in zip(results, found.levels.tolist(), strict=True):
            result["level"] = level
