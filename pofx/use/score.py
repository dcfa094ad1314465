"""The plan of scoring: statistics, p-values, verdicts, and log-probability or an estimate of its bound."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.rows import RowGraph
from pofx.kinds.condition import Label
from pofx.rules.arrays import Array
from pofx.rules.conformal import Floats
from pofx.rules.outputs import LOG_PROB, MapKind, map_kind
from pofx.rules.promises import Promise
from pofx.use import missing
from pofx.use.comparison import Comparison, comparison
from pofx.use.discoveries import Discoveries, benjamini_hochberg, check_fdr, discoveries_by_group, power_note
from pofx.use.grouping import fdr_note
from pofx.use.options import data_input, option_arrays
from pofx.use.scores import Explanation, Scores
from pofx.use.sizes import smallest
from pofx.use.steps import OneStep
from pofx.use.verdict import Rule, rule

USUAL_ALPHA = 0.01


@dataclass(frozen=True)
class ScoreAsked:
    """What a caller says about scores; None is for the model to choose.

    ``alpha`` is the false-alarm rate, and ``usual_alpha`` the one without it, raised as far as the calibration needs;
    ``verdict`` the statistic that decides; ``label`` what items are compared with, one for all or one for each; ``fdr``
    a false discovery rate over all items; ``explain`` asks where the surprise lies.
    """

    alpha: float | None = None
    promise: Promise = "marginal"
    verdict: str | None = None
    label: Label | list[Label] | None = None
    fdr: float | None = None
    explain: bool = False
    usual_alpha: float = USUAL_ALPHA


@dataclass(frozen=True)
class ScorePlan:
    """A checked request to score; ``map`` is what its explanation is made of, if one was asked for."""

    model: LoadedModel
    declared: bundle.Score
    comparison: Comparison
    rule: Rule
    fdr: float | None
    map: MapKind | None

    @property
    def graph(self) -> RowGraph:
        """What runs."""
        return self.model.graphs[self.declared.graph]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The outputs that are read."""
        density = () if self.declared.density is None else (LOG_PROB,)
        names = (*density, *(item.name for item in self.declared.statistics), *((self.map,) if self.map else ()))
        return tuple(dict.fromkeys(names))

    def mflop(self, items: int) -> float:
        """Work of scoring that many items."""
        return items * self.graph.mflop_per_row

    def begin(self, items: Array, groups: tuple[str, ...] | None = None) -> OneStep[Scores]:
        """The steps that score items of shape (batch, …) as the model takes them; raises RequestInvalid.

        ``groups`` says what belongs together, a name for each item.
        """
        self.comparison.check_count(len(items))
        arrays = {data_input(self.graph.spec).name: items, **option_arrays(self.graph.spec, {}, len(items))}
        return OneStep(self.graph, self.wanted, arrays, lambda outputs: self.read(items, outputs, groups))

    def read(self, items: Array, outputs: Mapping[str, Array], groups: tuple[str, ...] | None = None) -> Scores:
        """What the outputs for these items mean."""
        gaps = missing.gaps_of(self.model, items)
        log_prob = None if self.declared.density is None else outputs[LOG_PROB].astype(np.float64)
        statistics = {item.name: outputs[item.name].astype(np.float64) for item in self.declared.statistics}
        calibrated = {item.name: self._p_values(item, statistics[item.name], gaps) for item in self.declared.statistics}
        verdict = calibrated[self.rule.statistic]
        found = self._discoveries(verdict, groups)
        return Scores(
            rule=self.rule,
            comparison=self.comparison,
            density=self.declared.density,
            log_prob=log_prob,
            bits_per_dim=None if log_prob is None else _bits_per_dim(log_prob, self.model.manifest.dims, gaps),
            statistics=statistics,
            p_values=calibrated,
            p_value=verdict,
            anomaly=verdict <= self._thresholds(len(verdict)),
            explanation=None if self.map is None else _explanation(self.map, outputs[self.map]),
            discoveries=found,
            gaps=gaps,
            groups=groups,
            notes=self._notes(gaps, found),
        )

    def _discoveries(self, p_values: Floats, groups: tuple[str, ...] | None) -> Discoveries | None:
        if self.fdr is None:
            return None
        if groups is None:
            return benjamini_hochberg(p_values, self.fdr)
        return discoveries_by_group(p_values, groups, self.fdr)

    def _p_values(self, statistic: bundle.Statistic, values: Floats, gaps: missing.Gaps | None) -> Floats:
        """The p-values; NaN for a row that misses values where they would compare with no calibration item."""
        found = self.comparison.p_values(statistic, values)
        if gaps is not None and missing.incomparable(self.declared.calibration, statistic.name):
            found[gaps.any(axis=1)] = np.nan
        return found

    def _thresholds(self, items: int) -> Floats | float:
        """The largest p-value of an anomaly, for every item (items,) or for all alike."""
        if len(self.rule.thresholds) == 1:
            return self.rule.thresholds[0]
        return np.array(self.rule.thresholds)[self.comparison.places(items)]

    def _notes(self, gaps: missing.Gaps | None, found: Discoveries | None) -> tuple[str, ...]:
        power = None if found is None else power_note(found, smallest(self.comparison.sizes))
        several = found is not None and found.tests > 1 and not found.by_group
        groups = fdr_note(found.fdr, self.declared.calibration) if found is not None and several else ()
        errors = () if self.map != "reconstruction_error" else (_map_note(self.declared),)
        return (*missing.note(gaps, self.declared.calibration), *filter(None, [power]), *groups, *errors)


def plan(model: LoadedModel, asked: ScoreAsked) -> ScorePlan:
    """The plan of a request, before any item is decoded; RequestInvalid for what cannot be answered."""
    declared = score_of(model)
    compared = comparison(model, asked.label)
    ruled = rule(declared, compared.sizes, asked.verdict, asked.alpha, asked.promise, asked.usual_alpha)
    kind = map_kind(model.graphs[declared.graph].spec)
    if asked.explain and kind is None:
        raise RequestInvalid(
            f"{model.manifest.reference} gives neither a log-probability nor a reconstruction error per dimension, "
            "so it cannot explain a score; ask without explain",
            pointer="/explain",
        )
    if asked.fdr is not None:
        check_fdr(asked.fdr, smallest(compared.sizes))
    return ScorePlan(model, declared, compared, ruled, asked.fdr, kind if asked.explain else None)


def score_of(model: LoadedModel) -> bundle.Score:
    """The score of a model that was chosen for scoring."""
    if model.manifest.score is None:
        raise ValueError(f"{model.manifest.reference} cannot score; choose models by capability")
    return model.manifest.score


def _map_note(declared: bundle.Score) -> str:
    """What is to be known about a map that does not explain log_prob."""
    start = "the map is a reconstruction error: it sums to the statistic reconstruction"
    return start if declared.density is None else f"{start}, and not to log_prob"


def _explanation(kind: MapKind, terms: Array) -> Explanation:
    nats = terms.astype(np.float64)
    return Explanation(kind, -nats if kind == "dim_log_prob" else nats)


def _bits_per_dim(log_prob: Floats, dims: int, gaps: missing.Gaps | None) -> Floats:
    """Per dimension that is there; NaN where none is."""
    if gaps is None:
        return -log_prob / (dims * math.log(2))
    there = (~gaps).sum(axis=1)
    return np.where(there > 0, -log_prob / (np.maximum(there, 1) * math.log(2)), np.nan)
