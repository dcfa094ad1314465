"""A bundle and normal items in a file → its next version, calibrated on them; nothing is fitted."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pofx import bundle
from pofx.errors import CapabilityMissing
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.audio import Cut, beginning
from pofx.kinds.decoded import Decoded
from pofx.kinds.files import blocks, naming
from pofx.kinds.folder import grouped_by
from pofx.kinds.notes import Notes
from pofx.rules.arrays import Array
from pofx.rules.overlaps import Overlaps
from pofx.use import calibrate, score
from pofx.use.calibrate import NormalItems
from pofx.use.file_labels import FileLabels, file_labels, in_groups
from pofx.use.gap_calibration import GapCalibration, columns_with_gaps, gap_tables
from pofx.use.missing import incomplete
from pofx.use.score import ScoreAsked, ScorePlan
from pofx.use.steps import run

_BLOCK = 4096  # rows that are scored at once
_DRAWN_BY = 0  # the seed of windows


def recalibrate(
    store: bundle.Store,
    model: LoadedModel,
    path: Path,
    data: str,
    labels: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    group: str | None = None,
) -> bundle.Bundle:
    """The new version, verified, in the store; raises a PofxError that names the item that cannot be normal.

    Items with labels (``labels`` says where they are, see ``file_labels``) are calibrated per label as well. Of those
    that belong together (``group`` says where that stands, see ``file_groups``) one counts; without ``group`` a
    recording that is a file of its own is a group. ``say`` is told what of the file is not read, or is read as
    something else.
    """
    if model.manifest.score is None:
        raise CapabilityMissing(f"{model.manifest.reference} has no score, so there is nothing to calibrate")
    of_labels = file_labels(path, model.manifest.input, labels)
    plan = score.plan(model, ScoreAsked())
    found = _collected(plan, path, of_labels, group)
    for line in (*found.notes.texts(len(found)), *of_labels.notes):
        say(line)
    today = datetime.datetime.now(datetime.UTC).date()
    with naming(path):
        items = found.items(group)
        items.check()
        new = items.calibration(data, today, plan.declared.calibration, _gapped(plan, found.rows, items))
    return calibrate.write(store, model, new)


def _gapped(plan: ScorePlan, rows: list[Array], items: NormalItems) -> GapCalibration:
    """The tables of patterns of gaps that the kept rows make."""
    columns = columns_with_gaps(plan.model.manifest.input)
    tables = gap_tables(columns, np.concatenate(rows)[items.kept]) if rows else None
    if tables is None:
        return GapCalibration()
    ends = range(0, len(tables.items), _BLOCK)
    parts = [run(plan.begin(Decoded(tables.items[start : start + _BLOCK]))).statistics for start in ends]
    return tables.read({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


@dataclass
class _Collected:
    """What is found of all items so far, in parts, and the ``rows`` of a model that takes gaps; ``labels`` and
    ``groups`` of each item, empty where there are none.
    """

    parts: dict[str, list[Array]] = field(default_factory=dict)
    incomplete: list[Array] = field(default_factory=list)
    rows: list[Array] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    overlaps: Overlaps = field(default_factory=Overlaps)
    are_files: bool = True

    def __len__(self) -> int:
        return sum(map(len, self.incomplete))

    def items(self, group: str | None) -> NormalItems:
        """All of it."""
        names, labels = np.unique(np.array(self.labels, np.str_), return_inverse=True)
        return NormalItems(
            {name: np.concatenate(parts) for name, parts in self.parts.items()},
            np.concatenate(self.incomplete),
            labels if self.labels else None,
            names.tolist(),
            np.array(self.groups, np.str_) if self.groups else None,
            grouped_by(group),
            self.are_files,
            self.overlaps.count(),
        )


def _collected(plan: ScorePlan, path: Path, labels: FileLabels, group: str | None) -> _Collected:
    """What the service would say of all items, a block at a time.

    Where items of the model are windows of recordings, one is drawn from each.
    """
    found, spec = _Collected(), plan.model.manifest.input
    cut: Cut = np.random.default_rng(_DRAWN_BY).integers if plan.comparison.groups is not None else beginning
    for block in in_groups(blocks(path, spec, extra="keep", cut=cut), path, spec, group):
        items = block.decoded
        scores = run(plan.begin(items))
        for name, values in scores.statistics.items():
            found.parts.setdefault(name, []).append(values)
        found.incomplete.append(incomplete(scores.gaps, len(scores)))
        if columns_with_gaps(spec):
            found.rows.append(items.array)
        found.labels += labels.of(block)
        found.groups += items.groups
        if spec.kind == "audio" and group is None:
            found.overlaps.take(items.array)
        found.are_files &= bool(items.files)
        found.notes.take(items.notes)
    return found
