"""Exported → Calibrated: sorted statistics of held-out items, computed by the exported graph as it will be served.

p(x) = (1 + #{calibration statistics at least as extreme as that of x}) / (n + 1). For exchangeable items
P(p ≤ α) ≤ α; equal values must be equal here and there, which is why the graph computes them and not the eager model.
Of items in groups one of each counts (``pofx.rules.groups``).
V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", 2005.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from pofx import bundle
from pofx.rules.conformal import ranked
from pofx.rules.gap_tables import patterns_of
from pofx.rules.noise import draw_shared
from pofx.use.calibrate import LEAST_ITEMS, Labelled, labelled
from pofx.use.gap_calibration import GapCalibration, gap_tables
from training.batches import chunk
from training.data import Items
from training.errors import ExportError
from training.export.export import Exported
from training.finish import Say
from training.missing import marginalises
from training.prepare import Prepared
from training.scoring import NOISE_SEED

Values = dict[str, np.ndarray]
"""Values of statistics by their names, (items,) each."""

Scorer = Callable[[np.ndarray], Values]
"""Raw items → the values of their statistics."""


@dataclass(frozen=True)
class Calibrated:
    """``values`` of the held-out items, ascending, as the file of a bundle holds them; none for a model without score.

    ``items`` are these items, one of every group. ``labels`` and ``patterns`` say what p-values can be restricted to.
    """

    exported: Exported
    items: Items
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    labels: Labelled = field(default_factory=Labelled)
    patterns: tuple[bundle.GapPattern, ...] = ()

    @property
    def prepared(self) -> Prepared:
        """What the recipe asked for."""
        return self.exported.prepared


def calibrate(exported: Exported, say: Say) -> Calibrated:
    """The calibration on the split of that name; ExportError where the model finds one of its items impossible."""
    split = exported.prepared.splits.calibration
    held = split.take(split.drawn)
    if "score" not in exported.graphs:
        return Calibrated(exported, held)
    known = labelled(held.labels, exported.prepared.dataset.label_names)
    score = scorer(exported)
    gapped = _gapped(exported.prepared, held.x, score)
    values = {**ranked(score(held.x), known.places), **gapped.values}
    if not all(np.isfinite(array).all() for array in values.values()):
        raise ExportError("the model gives held-out items a log-density that is not finite; it cannot be calibrated")
    if len(held) < LEAST_ITEMS:
        of = f" of {len(split)}, one of each of the {exported.prepared.dataset.grouped_by}" * split.are_grouped
        say(f"calibrated on {len(held)} items{of} only: p-values will say little; use more data")
    return Calibrated(exported, held, values, known, gapped.patterns)


def _gapped(prepared: Prepared, rows: np.ndarray, score: Scorer) -> GapCalibration:
    """The tables of patterns of missing values of calibration rows, also of those that only other splits have."""
    splits = prepared.splits
    if not marginalises(prepared.family, prepared.transform):
        return GapCalibration()
    seen = [patterns_of(np.isnan(part.x)) for part in splits.parts.values() if len(part)]
    tables = gap_tables(prepared.dataset.columns, rows, itertools.chain.from_iterable(seen))
    return GapCalibration() if tables is None else tables.read(score(tables.items))


def scorer(exported: Exported) -> Scorer:
    """Raw items → statistics by the exported graph, in parts that fit into memory."""
    computation, run, finished = exported.graphs["score"], exported.runners["score"], exported.finished
    size = chunk(finished.family.dims, finished.transform.levels)
    shared = [draw_shared(item, NOISE_SEED) for item in computation.inputs[1:]]
    outputs = [item.name for item in computation.outputs]

    def score(raw: np.ndarray) -> Values:
        parts = [run(raw[start : start + size], *shared) for start in range(0, len(raw), size)]
        places = {item.name: outputs.index(item.name) for item in finished.statistics.members}
        return {name: np.concatenate([part[place] for part in parts]) for name, place in places.items()}

    return score
