"""A bundle and normal items in a file → its next version, calibrated on them; nothing is fitted."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
from pofx.use.gap_calibration import GapCalibration, columns_with_gaps, gap_tables
from pofx.use.score import ScoreAsked
from pofx.use.steps import run

_BLOCK = 4096  # rows that are scored at once


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
        new = replace(new, gapped=_gapped(model, found))
    except RequestInvalid as error:
        raise RequestInvalid(f"{path}: {error.detail}", **error.extra) from error
    return calibrate.write(store, model, new)


def _gapped(model: LoadedModel, found: "_Collected") -> GapCalibration:
    """The tables of patterns of gaps that the rows make."""
    tables = gap_tables(columns_with_gaps(model.manifest.input), np.concatenate(found.rows)) if found.rows else None
    if tables is None:
        return GapCalibration()
    plan = score.plan(model, ScoreAsked())
    ends = range(0, len(tables.items), _BLOCK)
    parts = [run(plan.begin(tables.items[start : start + _BLOCK])).statistics for start in ends]
    return tables.read({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


@dataclass
class _Collected:
    """Statistics of all items so far, in parts, and the ``rows`` of a model that takes gaps; ``labels`` of each item,
    empty where there are none.
    """

    parts: dict[str, list[Array]] = field(default_factory=dict)
    rows: list[Array] = field(default_factory=list)
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
    spec = model.manifest.input
    for block in blocks(path, spec, extra="keep"):
        scores = run(plan.begin(block.decoded.array))
        for name, values in scores.statistics.items():
            found.parts.setdefault(name, []).append(values)
        found.incomplete += 0 if scores.gaps is None else int(scores.gaps.any(axis=1).sum())
        found.count += len(scores)
        if columns_with_gaps(spec):
            found.rows.append(block.decoded.array)
        found.labels += labels.of(block)
        found.notes.take(block.decoded.notes)
    return found
