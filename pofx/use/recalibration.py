"""A bundle and normal items in a file → its next version, calibrated on them; nothing is fitted."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import CapabilityMissing, RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.files import blocks
from pofx.kinds.notes import Notes
from pofx.rules.arrays import Array
from pofx.use import calibrate, score
from pofx.use.calibrate import NewCalibration, labelled
from pofx.use.file_labels import FileLabels, file_labels
from pofx.use.score import ScoreAsked
from pofx.use.steps import run


def recalibrate(
    store: bundle.Store,
    model: LoadedModel,
    path: Path,
    data: str,
    labels: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> bundle.Bundle:
    """The new version, verified, in the store; raises a PofxError that names the item that cannot be normal.

    Items with labels (``labels`` says where they are, see ``file_labels``) are calibrated per label as well. ``say`` is
    told what of the file is not read, or is read as something else.
    """
    if model.manifest.score is None:
        raise CapabilityMissing(f"{model.manifest.reference} has no score, so there is nothing to calibrate")
    of_files = file_labels(path, model.manifest.input, labels)
    found = _collected(model, path, of_files)
    for line in (*found.notes.texts(found.count), *of_files.notes):
        say(line)
    today = datetime.datetime.now(datetime.UTC).date()
    try:
        calibrate.check_count(found.count)
        new = NewCalibration(found.statistics(), data, today, found.incomplete, labelled(*found.indices()))
        calibrate.check_finite(new.statistics)
    except RequestInvalid as error:
        raise RequestInvalid(f"{path}: {error.detail}", **error.extra) from error
    return calibrate.write(store, model, new)


@dataclass
class _Collected:
    """Statistics of all items so far, in parts; ``labels`` of each, empty where there are none."""

    parts: dict[str, list[Array]] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    incomplete: int = 0
    count: int = 0

    def statistics(self) -> dict[str, Array]:
        return {name: np.concatenate(parts) for name, parts in self.parts.items()}

    def indices(self) -> tuple[NDArray[np.intp], list[str]]:
        """The index of every item's label among all of them, and their names."""
        names, indices = np.unique(np.array(self.labels, np.str_), return_inverse=True)
        return indices, names.tolist()


def _collected(model: LoadedModel, path: Path, labels: FileLabels) -> _Collected:
    """The statistics of all items as the service gives them, a block at a time."""
    plan, found = score.plan(model, ScoreAsked()), _Collected()
    for block in blocks(path, model.manifest.input, extra="keep"):
        scores = run(plan.begin(block.decoded.array))
        for name, values in scores.statistics.items():
            found.parts.setdefault(name, []).append(values)
        found.incomplete += 0 if scores.gaps is None else int(scores.gaps.any(axis=1).sum())
        found.count += len(scores)
        found.labels += labels.of(block)
        found.notes.take(block.decoded.notes)
    return found
