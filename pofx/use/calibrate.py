"""The next version of a bundle: the same model, compared with other held-out items.

Nothing is fitted again. Graphs, golden vectors and recipe stay as they are; only what the p-values compare with
changes, and with it what the manifest and the card may still claim.
"""

import datetime
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import CapabilityMissing, RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.rules.arrays import Array
from pofx.rules.conformal import ranked
from pofx.rules.excess import marked
from pofx.rules.groups import FILES, UNNAMED, counted, one_of_each
from pofx.rules.overlaps import SHARE
from pofx.use.gap_calibration import GapCalibration
from pofx.use.halves import halves_compared
from pofx.use.missing import incomplete
from pofx.use.scores import Scores

LEAST_ITEMS = 20
"""Fewer items promise no false-alarm rate below one in twenty."""

LEAST_LABELS = 2
"""A single label tells nothing apart."""

_CARD = "CARD.md"
_OVERLAPPING = "recordings whose windows overlap"
_OUTDATED = "false_alarm_rate"


@dataclass(frozen=True)
class Labelled:
    """``counts`` names every label that occurs; ``places`` holds the one of each item, unsigned integers (items,)."""

    counts: tuple[bundle.LabelCount, ...] = ()
    places: NDArray[np.unsignedinteger[Any]] | None = None


def labelled(labels: NDArray[np.integer[Any]] | None, names: Sequence[str]) -> Labelled:
    """The labels of items from their indices into names, (items,); nothing where fewer than two of them occur."""
    if labels is None:
        return Labelled()
    found, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(found) < LEAST_LABELS:
        return Labelled()
    rows = zip(found.tolist(), counts.tolist(), strict=True)
    listed = tuple(bundle.LabelCount(name=names[label], n=count) for label, count in rows)
    return Labelled(listed, places.astype(np.min_scalar_type(len(found) - 1)))


@dataclass(frozen=True)
class NewCalibration:
    """``statistics`` of normal items in the order in which they came, (items,) each; ``data`` says what they were.

    ``incomplete`` of them are rows that miss values; ``gapped`` are the tables of patterns of gaps. Where items come in
    ``groups``, these are one of each.
    """

    statistics: Mapping[str, Array]
    data: str
    date: datetime.date
    incomplete: int = 0
    labels: Labelled = field(default_factory=Labelled)
    gapped: GapCalibration = field(default_factory=GapCalibration)
    groups: bundle.Groups | None = None

    @property
    def n(self) -> int:
        """Number of items."""
        return len(next(iter(self.statistics.values())))


@dataclass(frozen=True)
class NormalItems:
    """What was found of normal items in the order in which they came, (items,) each.

    ``incomplete`` says which are rows that miss values; ``groups`` which belong together, where that is known.
    ``by`` says what groups are; ``are_files`` that every item is a file of its own. ``overlapping`` of them share a
    stretch of a recording with another one.
    """

    statistics: Mapping[str, Array]
    incomplete: NDArray[np.bool_]
    labels: NDArray[np.integer[Any]] | None = None
    label_names: Sequence[str] = ()
    groups: Array | None = None
    by: str = UNNAMED
    are_files: bool = False
    overlapping: int = 0

    @classmethod
    def of(cls, scores: Scores, by: str, overlapping: int) -> "NormalItems":
        """Those of a request; ``by`` says what its groups are."""
        return cls(
            scores.statistics,
            incomplete(scores.gaps, len(scores)),
            groups=np.array(scores.groups) if scores.groups else None,
            by=by,
            are_files=bool(scores.items.files),
            overlapping=overlapping,
        )

    def __len__(self) -> int:
        return len(self.incomplete)

    @cached_property
    def kept(self) -> NDArray[np.intp]:
        """The places of the items that calibrate: one of each group, else all."""
        lots = np.random.default_rng(0).random(len(self))
        return np.arange(len(self)) if self.groups is None else one_of_each(self.groups, lots)

    def calibration(
        self, data: str, date: datetime.date, before: bundle.Calibration, gapped: GapCalibration
    ) -> NewCalibration:
        """The calibration by the kept items, of which ``gapped`` was made.

        Where nothing says what belongs together, while items had groups ``before``, it is marked.
        """
        return NewCalibration(
            {name: values[self.kept] for name, values in self.statistics.items()},
            data,
            date,
            int(self.incomplete[self.kept].sum()),
            labelled(None if self.labels is None else self.labels[self.kept], self.label_names),
            gapped,
            self._groups(before.groups),
        )

    def check(self) -> None:
        """Raises RequestInvalid for too few items, or one that cannot be normal."""
        check_count(len(self.kept), len(self))
        check_finite(self.statistics)

    def _groups(self, before: bundle.Groups | None) -> bundle.Groups | None:
        if self.groups is not None:
            return bundle.Groups(by=self.by, items=len(self))
        if self.overlapping > SHARE * len(self):
            return bundle.Groups(by=_OVERLAPPING, items=len(self), told=False)
        if before is None:
            return None
        return bundle.Groups(by=before.by, items=len(self), told=self.are_files and before.by == FILES)


def check_count(items: int, of: int | None = None) -> None:
    """Raises RequestInvalid for too few items to promise anything useful; or of ``of`` items, for too few groups."""
    if items < LEAST_ITEMS:
        what = "normal items" if of in (None, items) else f"groups of normal items (one of each counts, of {of})"
        raise RequestInvalid(f"expected at least {LEAST_ITEMS} {what} to calibrate on, got {items}", pointer="/inputs")


def write(store: bundle.Store, model: LoadedModel, new: NewCalibration) -> bundle.Bundle:
    """The next version, verified, in the store; raises BundleError or OSError."""
    body, files = recalibrated(model.source, new)
    return bundle.write(store, model.manifest.name, body, files)


def recalibrated(source: bundle.Bundle, new: NewCalibration) -> tuple[bundle.ManifestBody, Mapping[str, bytes]]:
    """Manifest and files of the next version; CapabilityMissing for a model without a score."""
    score = source.manifest.score
    if score is None:
        raise CapabilityMissing(f"{source.manifest.reference} has no score, so there is nothing to calibrate")
    files = {name: source.read_bytes(name) for name in source.manifest.files}
    same = _same_values(files[score.calibration.file], new)
    files[score.calibration.file] = as_npz({**ranked(new.statistics, new.labels.places), **new.gapped.values})
    body = _body(source, score, new, same)
    card = marked(files.get(_CARD, b"").decode().rstrip(), body.score)
    files[_CARD] = (card + _section(source, body.score, new, same)).encode()
    return body, files


def as_npz(arrays: Mapping[str, Array]) -> bytes:
    """A compressed NumPy archive."""
    buffer = io.BytesIO()
    given: dict[str, Any] = dict(arrays)
    np.savez_compressed(buffer, **given)
    return buffer.getvalue()


def check_finite(statistics: Mapping[str, Array]) -> None:
    """Raises RequestInvalid for the first item with a statistic that is not finite: it cannot be normal."""
    names = list(statistics)
    finite = np.isfinite(np.stack([statistics[name] for name in names], 1))  # (items, statistics)
    if finite.all():
        return
    index, column = (int(place) for place in np.argwhere(~finite)[0])
    value = statistics[names[column]][index]
    raise RequestInvalid(
        f"item {index}: expected a finite {names[column]}, got {value:g}; leave out items the model finds impossible",
        index=index,
    )


def _same_values(before: bytes, new: NewCalibration) -> bool:
    """Whether a calibration file holds exactly these values, so that what was measured with it still holds."""
    with np.load(io.BytesIO(before), allow_pickle=False) as file:
        return all(
            name in file and np.array_equal(file[name], values) for name, values in ranked(new.statistics).items()
        )


def _body(source: bundle.Bundle, score: bundle.Score, new: NewCalibration, same: bool) -> bundle.ManifestBody:
    body: dict[str, Any] = source.manifest.model_dump(include=set(bundle.ManifestBody.model_fields))
    if not same:
        body["metrics"] = [item for item in body["metrics"] if not item["name"].startswith(_OUTDATED)]
    body["score"]["calibration"] |= {
        "n": new.n,
        "data": _one_line(new.data),
        "incomplete": new.incomplete,
        "labels": new.labels.counts,
        "patterns": new.gapped.patterns,
        "groups": new.groups,
        "held_out": _held_out(score, new, same),
    }
    return bundle.ManifestBody.model_validate(body)


def _held_out(score: bundle.Score, new: NewCalibration, same: bool) -> bundle.HeldOut | None:
    """What was counted on items kept aside, as long as it holds; else what the items themselves show."""
    if same and score.calibration.held_out is not None:
        return score.calibration.held_out
    return halves_compared(score.statistics, new.statistics, new.labels.places)


def _section(source: bundle.Bundle, score: bundle.Score | None, new: NewCalibration, same: bool) -> str:
    items = "" if score is None else _one_line(counted(score.calibration))
    return (
        f"\n\n## Recalibrated on {new.date.isoformat()}\n\n"
        f"From `{source.manifest.reference}`, on {items}: {_one_line(new.data)}. "
        f"{_consequence(same)}{_per_label(new)}\n"
    )


def _consequence(same: bool) -> str:
    if same:
        return "These are the items it was calibrated on before: p-values and what was measured above stay as they are."
    return (
        "The model is the same; p-values and verdicts compare with these items. False-alarm rates above were measured "
        "with the calibration before and say nothing about this one."
    )


def _per_label(new: NewCalibration) -> str:
    counted = ", ".join(f"{_one_line(label.name)} ({label.n})" for label in new.labels.counts)
    return f" Per label: {counted}." if counted else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
