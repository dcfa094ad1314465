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
from service.inference.model import Model
from service.operations.calibration import Floats, p_values
from service.operations.discoveries import Discoveries, benjamini_hochberg, check_fdr, power_note
from service.operations.inputs import option_arrays
from service.operations.missing import Gaps, gaps_of, incomparable
from service.operations.verdict import Rule
from service.trace import Trace

DIM_LOG_PROB = "dim_log_prob"


@dataclass(frozen=True)
class Scores:
    """Everything per item, shape (batch,), in nats; ``dim_log_prob`` of shape (batch, …) sums to ``log_prob``.

    ``p_value`` is that of the statistic that decides; ``anomaly`` is what its rule says. ``gaps`` are the values that
    rows miss, None where none does.
    """

    rule: Rule
    log_prob: Floats
    bits_per_dim: Floats
    statistics: Mapping[str, Floats]
    p_values: Mapping[str, Floats]
    p_value: Floats
    anomaly: NDArray[np.bool_]
    dim_log_prob: Array | None = None
    discoveries: Discoveries | None = None
    gaps: Gaps | None = None


def mflop(model: Model, items: int) -> float:
    """Work of scoring that many items."""
    return items * model.graphs[score_of(model).graph].mflop_per_row


def check(model: Model, explain: bool) -> None:
    """Refuses what cannot be answered, before anything is decoded; raises RequestInvalid."""
    if explain and not can_explain(model):
        raise RequestInvalid(
            f"{model.manifest.reference} gives no log-probability per dimension, so it cannot explain a score",
            pointer="/explain",
        )


def check_discoveries(model: Model, fdr: float | None) -> None:
    """Refuses a false discovery rate at which there could never be a discovery; raises RequestInvalid."""
    if fdr is not None:
        check_fdr(fdr, score_of(model).calibration.n)


def with_discoveries(model: Model, scores: Scores, fdr: float | None) -> tuple[Scores, tuple[str, ...]]:
    """The scores with the verdict over all items, if a rate was given, and a note where it has little power."""
    if fdr is None:
        return scores, ()
    found = benjamini_hochberg(scores.p_value, fdr)
    note = power_note(found, score_of(model).calibration.n)
    return replace(scores, discoveries=found), () if note is None else (note,)


def can_explain(model: Model) -> bool:
    """Whether the score splits into one term per dimension."""
    spec = model.graphs[score_of(model).graph].spec
    return any(item.name == DIM_LOG_PROB for item in spec.outputs)


async def score(model: Model, batcher: Batcher, items: Array, rule: Rule, explain: bool, trace: Trace) -> Scores:
    """Scores of items of shape (batch, …) in the model's own input format."""
    declared = score_of(model)
    graph = model.graphs[declared.graph]
    wanted = dict.fromkeys(["log_prob", *(item.name for item in declared.statistics)])
    if explain:
        wanted[DIM_LOG_PROB] = None
    arrays = {data_input(graph.spec).name: items, **option_arrays(graph.spec, {}, len(items))}
    outputs = await batcher.run(graph, arrays, tuple(wanted), trace)
    return _scores(model, outputs, rule, gaps_of(model, items))


def data_input(spec: bundle.Graph) -> bundle.DataInput:
    """The input of a graph that takes the items."""
    return next(item for item in spec.inputs if item.role == "data")


def score_of(model: Model) -> bundle.Score:
    """The score of a model that was chosen for scoring."""
    if model.manifest.score is None:
        raise ValueError(f"{model.manifest.reference} cannot score; choose models by capability")
    return model.manifest.score


def _scores(model: Model, outputs: Mapping[str, Array], rule: Rule, gaps: Gaps | None) -> Scores:
    declared = score_of(model).statistics
    log_prob = outputs["log_prob"].astype(np.float64)
    calibrated = {item.name: _calibrated(model, item, outputs[item.name], gaps) for item in declared}
    verdict = calibrated[rule.statistic]
    return Scores(
        rule=rule,
        log_prob=log_prob,
        bits_per_dim=_bits_per_dim(log_prob, model.manifest.dims, gaps),
        statistics={item.name: outputs[item.name].astype(np.float64) for item in declared},
        p_values=calibrated,
        p_value=verdict,
        anomaly=verdict <= rule.threshold,
        dim_log_prob=outputs.get(DIM_LOG_PROB),
        gaps=gaps,
    )


def _calibrated(model: Model, statistic: bundle.Statistic, values: Array, gaps: Gaps | None) -> Floats:
    """The p-values; NaN for a row that misses values where they would compare with no calibration item."""
    found = p_values(statistic, model.calibration[statistic.name], values)
    if gaps is not None and incomparable(score_of(model).calibration, statistic.name):
        found[gaps.any(axis=1)] = np.nan
    return found


def _bits_per_dim(log_prob: Floats, dims: int, gaps: Gaps | None) -> Floats:
    """Per dimension that is there; NaN where none is."""
    if gaps is None:
        return -log_prob / (dims * math.log(2))
    there = (~gaps).sum(axis=1)
    return np.where(there > 0, -log_prob / (np.maximum(there, 1) * math.log(2)), np.nan)
