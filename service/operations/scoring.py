"""Scoring items: log-probability or bound, statistics, p-values and verdict."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import bundle
from service.errors import RequestInvalid
from service.inference.batcher import Batcher
from service.inference.graph import Array
from service.inference.maps import MapKind, map_kind
from service.inference.model import Model
from service.operations.calibration import Floats, smallest
from service.operations.comparison import Comparison
from service.operations.discoveries import Discoveries, benjamini_hochberg, check_fdr, power_note
from service.operations.inputs import option_arrays
from service.operations.missing import Gaps, gaps_of, incomparable
from service.operations.verdict import Rule
from service.trace import Trace


@dataclass(frozen=True)
class Explanation:
    """How odd every dimension is, nats of shape (batch, …), higher is odder.

    Of kind ``dim_log_prob`` it sums to minus ``log_prob``, of kind ``reconstruction_error`` to the statistic
    ``reconstruction``, which says nothing about how likely the code is.
    """

    kind: MapKind
    nats: Array


@dataclass(frozen=True)
class Scores:
    """Everything per item, shape (batch,), in nats.

    ``p_value`` is that of the statistic that decides; ``anomaly`` is what its rule says. ``gaps`` are the values that
    rows miss, None where none does.
    """

    rule: Rule
    comparison: Comparison
    log_prob: Floats
    bits_per_dim: Floats
    statistics: Mapping[str, Floats]
    p_values: Mapping[str, Floats]
    p_value: Floats
    anomaly: NDArray[np.bool_]
    explanation: Explanation | None = None
    discoveries: Discoveries | None = None
    gaps: Gaps | None = None


def mflop(model: Model, items: int) -> float:
    """Work of scoring that many items."""
    return items * model.graphs[score_of(model).graph].mflop_per_row


def check(model: Model, explain: bool) -> None:
    """Refuses what cannot be answered, before anything is decoded; raises RequestInvalid."""
    if explain and not can_explain(model):
        raise RequestInvalid(
            f"{model.manifest.reference} gives neither a log-probability nor a reconstruction error per dimension, "
            "so it cannot explain a score; ask without explain",
            pointer="/explain",
        )


def check_discoveries(comparison: Comparison, fdr: float | None) -> None:
    """Refuses a false discovery rate at which an item of some label could never be found; raises RequestInvalid."""
    if fdr is not None:
        check_fdr(fdr, smallest(comparison.sizes))


def with_discoveries(scores: Scores, fdr: float | None) -> tuple[Scores, tuple[str, ...]]:
    """The scores with the verdict over all items, if a rate was given, and a note where it has little power."""
    if fdr is None:
        return scores, ()
    found = benjamini_hochberg(scores.p_value, fdr)
    note = power_note(found, smallest(scores.comparison.sizes))
    return replace(scores, discoveries=found), () if note is None else (note,)


def can_explain(model: Model) -> bool:
    """Whether something of the score splits into one term per dimension."""
    return map_kind(model.graphs[score_of(model).graph].spec) is not None


def map_notes(scores: Scores) -> tuple[str, ...]:
    """What is to be known about a map that does not explain log_prob."""
    if scores.explanation is None or scores.explanation.kind == "dim_log_prob":
        return ()
    return ("the map is a reconstruction error: it sums to the statistic reconstruction, and not to log_prob",)


async def score(
    model: Model, batcher: Batcher, items: Array, comparison: Comparison, rule: Rule, explain: bool, trace: Trace
) -> Scores:
    """Scores of items of shape (batch, …) in the model's own input format."""
    comparison.check_count(len(items))
    declared = score_of(model)
    graph = model.graphs[declared.graph]
    kind = map_kind(graph.spec) if explain else None
    names = ["log_prob", *(item.name for item in declared.statistics), *(() if kind is None else (kind,))]
    arrays = {data_input(graph.spec).name: items, **option_arrays(graph.spec, {}, len(items))}
    outputs = await batcher.run(graph, arrays, tuple(dict.fromkeys(names)), trace)
    explanation = None if kind is None else _explanation(kind, outputs[kind])
    return _scores(model, outputs, comparison, rule, explanation, gaps_of(model, items))


def data_input(spec: bundle.Graph) -> bundle.DataInput:
    """The input of a graph that takes the items."""
    return next(item for item in spec.inputs if item.role == "data")


def score_of(model: Model) -> bundle.Score:
    """The score of a model that was chosen for scoring."""
    if model.manifest.score is None:
        raise ValueError(f"{model.manifest.reference} cannot score; choose models by capability")
    return model.manifest.score


def _explanation(kind: MapKind, terms: Array) -> Explanation:
    nats = terms.astype(np.float64)
    return Explanation(kind, -nats if kind == "dim_log_prob" else nats)


def _scores(
    model: Model,
    outputs: Mapping[str, Array],
    comparison: Comparison,
    rule: Rule,
    explanation: Explanation | None,
    gaps: Gaps | None,
) -> Scores:
    declared = score_of(model)
    log_prob = outputs["log_prob"].astype(np.float64)
    calibrated = {
        item.name: _calibrated(declared.calibration, comparison, item, outputs[item.name], gaps)
        for item in declared.statistics
    }
    verdict = calibrated[rule.statistic]
    return Scores(
        rule=rule,
        comparison=comparison,
        log_prob=log_prob,
        bits_per_dim=_bits_per_dim(log_prob, model.manifest.dims, gaps),
        statistics={item.name: outputs[item.name].astype(np.float64) for item in declared.statistics},
        p_values=calibrated,
        p_value=verdict,
        anomaly=verdict <= np.array(rule.thresholds)[comparison.places(len(verdict))],
        explanation=explanation,
        gaps=gaps,
    )


def _calibrated(
    calibration: bundle.Calibration,
    comparison: Comparison,
    statistic: bundle.Statistic,
    values: Array,
    gaps: Gaps | None,
) -> Floats:
    """The p-values; NaN for a row that misses values where they would compare with no calibration item."""
    found = comparison.p_values(statistic, values)
    if gaps is not None and incomparable(calibration, statistic.name):
        found[gaps.any(axis=1)] = np.nan
    return found


def _bits_per_dim(log_prob: Floats, dims: int, gaps: Gaps | None) -> Floats:
    """Per dimension that is there; NaN where none is."""
    if gaps is None:
        return -log_prob / (dims * math.log(2))
    there = (~gaps).sum(axis=1)
    return np.where(there > 0, -log_prob / (np.maximum(there, 1) * math.log(2)), np.nan)
