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
from pofx.kinds.files import blocks, naming
from pofx.kinds.folder import GROUPED_BY
from pofx.kinds.notes import Notes
from pofx.rules.arrays import Array
from pofx.rules.overlaps import Overlaps
from pofx.use import calibrate, score
from pofx.use.calibrate import NormalItems
from pofx.use.file_labels import FileLabels, file_groups, file_labels
from pofx.use.missing import incomplete
from pofx.use.score import ScoreAsked
from pofx.use.steps import run

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
    spec, before = model.manifest.input, model.manifest.score.calibration
    of_labels = file_labels(path, spec, labels)
    of_groups = None if group is None else file_groups(path, spec, group)
    found = _collected(model, path, of_labels, of_groups)
    for line in (*found.notes.texts(len(found)), *of_labels.notes):
        say(line)
    today = datetime.datetime.now(datetime.UTC).date()
    with naming(path):
        new = found.items(group).calibration(data, today, before)
    return calibrate.write(store, model, new)


@dataclass
class _Collected:
    """What is found of all items so far, in parts; ``labels`` and ``groups`` of each, empty where there are none."""

    parts: dict[str, list[Array]] = field(default_factory=dict)
    incomplete: list[Array] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    overlaps: Overlaps = field(default_factory=Overlaps)
    are_recordings: bool = True

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
            GROUPED_BY.get(group or "", f"column {group!r}"),
            self.are_recordings,
            self.overlaps.count(),
        )


def _collected(model: LoadedModel, path: Path, labels: FileLabels, groups: FileLabels | None) -> _Collected:
    """What the service would say of all items, a block at a time.

    Where items of the model are windows of recordings, one is drawn from each.
    """
    plan, found, spec = score.plan(model, ScoreAsked()), _Collected(), model.manifest.input
    windows = plan.declared.calibration.groups is not None
    cut: Cut = np.random.default_rng(_DRAWN_BY).integers if windows else beginning
    for block in blocks(path, spec, extra="keep", cut=cut):
        scores = run(plan.begin(block.decoded.array))
        for name, values in scores.statistics.items():
            found.parts.setdefault(name, []).append(values)
        found.incomplete.append(incomplete(scores.gaps, len(scores)))
        found.labels += labels.of(block)
        found.groups += [] if groups is None else groups.of(block)
        if spec.kind == "audio" and groups is None:
            found.overlaps.take(block.decoded.array)
        found.are_recordings &= spec.kind == "audio" and bool(block.names)
        found.notes.take(block.decoded.notes)
    return found
