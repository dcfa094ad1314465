"""The plan of scoring: statistics, p-values, verdicts, and log-probability or an estimate of its bound."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.rows import RowGraph
from pofx.kinds.condition import Label
from pofx.kinds.decoded import Decoded
from pofx.kinds.faults import Faults
from pofx.rules.arrays import Array
from pofx.rules.conformal import Floats
from pofx.rules.known import positions
from pofx.rules.maps import scaled
from pofx.rules.outputs import LOG_PROB, MapKind, map_kind
from pofx.rules.promises import Promise
from pofx.use import missing
from pofx.use.comparison import Comparison, comparison
from pofx.use.discoveries import Discoveries, check_fdr, discoveries, notes_on
from pofx.use.gap_comparison import PatternUsed, patterns_used, within_patterns
from pofx.use.grouping import fdr_note, untold
from pofx.use.options import data_input, option_arrays
from pofx.use.scores import Explanation, Scores
from pofx.use.sizes import smallest
from pofx.use.steps import OneStep
from pofx.use.verdict import Rule, rule

USUAL_ALPHA = 0.01
Control = Literal["request", "online"]
"""Over what a false discovery rate is held: the items of one request, or all those of a stream of requests."""


@dataclass(frozen=True)
class ScoreAsked:
    """What a caller says about scores; None is for the model to choose.

    ``alpha`` is the false-alarm rate, and ``usual_alpha`` the one without it, raised as far as the calibration needs;
    ``verdict`` the statistic that decides; ``label`` what items are compared with, one for all or one for each; ``fdr``
    a false discovery rate over all items, and with the control ``online`` over all requests of a stream, which decides
    when they are scored; ``explain`` asks where the surprise lies.
    """

    alpha: float | None = None
    promise: Promise = "marginal"
    verdict: str | None = None
    label: Label | list[Label] | None = None
    fdr: float | None = None
    explain: bool = False
    usual_alpha: float = USUAL_ALPHA
    control: Control = "request"


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

    def begin(self, items: Decoded) -> OneStep[Scores]:
        """The steps that score items; raises RequestInvalid."""
        self.comparison.check_count(len(items.array))
        sound = items.faults.without(items.array)
        arrays = {data_input(self.graph.spec).name: sound, **option_arrays(self.graph.spec, {}, len(sound))}
        return OneStep(self.graph, self.wanted, arrays, lambda outputs: self.read(items, outputs))

    def read(self, items: Decoded, outputs: Mapping[str, Array]) -> Scores:
        """What the outputs for those of these items without faults mean."""
        array, faults = items.array, items.faults
        outputs = {name: faults.among_all(values, len(array)) for name, values in outputs.items()}
        gaps = missing.gaps_of(self.model, array, faults)
        used = self._patterns_used(array, faults)
        log_prob = None if self.declared.density is None else outputs[LOG_PROB].astype(np.float64)
        statistics = {item.name: outputs[item.name].astype(np.float64) for item in self.declared.statistics}
        calibrated = {
            item.name: self._p_values(item, statistics[item.name], gaps, used, faults)
            for item in self.declared.statistics
        }
        verdict = calibrated[self.rule.statistic]
        found = None if self.fdr is None else discoveries(verdict, items.groups, self.fdr)
        return Scores(
            rule=self.rule,
            comparison=self.comparison,
            density=self.declared.density,
            log_prob=log_prob,
            bits_per_dim=None if log_prob is None else _bits_per_dim(log_prob, self.model.manifest.dims, gaps),
            statistics=statistics,
            p_values=calibrated,
            p_value=verdict,
            anomaly=verdict <= self._thresholds(len(verdict), used),
            explanation=None if self.map is None else self._explanation(self.map, outputs[self.map]),
            discoveries=found,
            gaps=gaps,
            patterns=used,
            items=items,
            notes=(*_left_out(faults, len(array), found), *self._notes(items, gaps, found, used)),
        )

    def _patterns_used(self, items: Array, faults: Faults) -> tuple[PatternUsed, ...]:
        """The patterns within which rows are compared; none where they are within a label."""
        if not self.declared.calibration.patterns or self.comparison.labels is not None:
            return ()
        missed = np.isnan(items)
        missed[list({*faults.wrong, *faults.unseen})] = False  # what is wrong is in no pattern
        return patterns_used(self.model, self.declared, missed, self.rule, self.fdr)

    def _p_values(
        self,
        statistic: bundle.Statistic,
        values: Floats,
        gaps: missing.Gaps | None,
        used: tuple[PatternUsed, ...],
        faults: Faults,
    ) -> Floats:
        """The p-values; NaN for a row that misses values where they would compare with no calibration item.

        That of an unseen category is the smallest: no calibration item is as odd.
        """
        found = self.comparison.p_values(statistic, values)
        if gaps is not None and missing.incomparable(self.declared.calibration, statistic.name):
            found[gaps.any(axis=1)] = np.nan
        found = within_patterns(used, statistic, values, found)
        if faults.unseen:
            unseen = list(faults.unseen)
            found[unseen] = self.comparison.smallest_p_values(len(values))[unseen]
        return found

    def _thresholds(self, items: int, used: tuple[PatternUsed, ...]) -> Floats | float:
        """The largest p-value of an anomaly, for every item (items,) or for all alike."""
        if used:
            found = np.full(items, self.rule.thresholds[0])
            for pattern in used:
                found[pattern.rows] = pattern.threshold
            return found
        if len(self.rule.thresholds) == 1:
            return self.rule.thresholds[0]
        return np.array(self.rule.thresholds)[self.comparison.places(items)]

    def _notes(
        self, items: Decoded, gaps: missing.Gaps | None, found: Discoveries | None, used: tuple[PatternUsed, ...]
    ) -> tuple[str, ...]:
        errors = () if self.map != "reconstruction_error" else (_map_note(self.declared),)
        tested = (
            ()
            if found is None
            else notes_on(found, smallest([*self.comparison.sizes, *(pattern.size for pattern in used)]))
        )
        groups = self.comparison.groups
        told = found is None or found.tests == 1 or not untold(items, groups)
        qualified = () if found is None or told else (fdr_note(found.fdr, groups),)
        return (*missing.note(gaps, self.declared.calibration, used), *tested, *qualified, *errors, *self._scaled())

    def _explanation(self, kind: MapKind, terms: Array) -> Explanation:
        nats = scaled(terms.astype(np.float64), self.model.manifest.input)
        return Explanation(kind, -nats if kind == "dim_log_prob" else nats)

    def _scaled(self) -> tuple[str, ...]:
        """That the map was made of another size, if it was."""
        if self.map is None:
            return ()
        own = {item.name: item.shape[1:] for item in self.graph.spec.outputs}.get(self.map, ())
        size = positions(self.model.manifest.input)
        if own[: len(size)] == size or not own:
            return ()
        sizes = ["x".join(map(str, shape[: len(size)][::-1])) for shape in (own, size)]
        return (f"the map is made of {sizes[0]} numbers and scaled to the item's {sizes[1]}, with the same sum",)


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
    return ScorePlan(model, declared, compared, ruled, _fdr(asked, compared), kind if asked.explain else None)


def _fdr(asked: ScoreAsked, compared: Comparison) -> float | None:
    """The rate over the items of the request itself."""
    if asked.control == "online":
        if asked.fdr is None:
            raise RequestInvalid("control online: expected fdr, the rate that it holds, got none", pointer="/fdr")
        return None
    if asked.fdr is not None:
        check_fdr(asked.fdr, smallest(compared.sizes))
    return asked.fdr


def score_of(model: LoadedModel) -> bundle.Score:
    """The score of a model that was chosen for scoring."""
    if model.manifest.score is None:
        raise ValueError(f"{model.manifest.reference} cannot score; choose models by capability")
    return model.manifest.score


def _left_out(faults: Faults, items: int, found: Discoveries | None) -> tuple[str, ...]:
    """How many items have no scores, or scores for a reason of their own."""
    notes = []
    if faults.wrong:
        others = "" if found is None else "; discoveries are among the others"
        notes.append(f"{len(faults.wrong)} of {items} items could not be read and are left out: see error{others}")
    if faults.unseen:
        notes.append(
            f"{len(faults.unseen)} of {items} items hold a category that training never saw: see reason; they have the "
            "smallest p-value, and no log_prob or other statistic, since the model gives such a category no mass"
        )
    return tuple(notes)


def _map_note(declared: bundle.Score) -> str:
    """What is to be known about a map that does not explain log_prob."""
    start = "the map is a reconstruction error: it sums to the statistic reconstruction"
    return start if declared.density is None else f"{start}, and not to log_prob"


def _bits_per_dim(log_prob: Floats, dims: int, gaps: missing.Gaps | None) -> Floats:
    """Per dimension that is there; NaN where none is."""
    if gaps is None:
        return -log_prob / (dims * math.log(2))
    there = (~gaps).sum(axis=1)
    return np.where(there > 0, -log_prob / (np.maximum(there, 1) * math.log(2)), np.nan)
