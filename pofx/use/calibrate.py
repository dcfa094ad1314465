"""The next version of a bundle: the same model, compared with other held-out items.

Nothing is fitted again. Graphs, golden vectors and recipe stay as they are; only what the p-values compare with
changes, and with it what the manifest and the card may still claim.
"""

import datetime
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import CapabilityMissing, RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.rules.arrays import Array
from pofx.rules.conformal import ranked
from pofx.rules.excess import marked
from pofx.use.gap_calibration import GapCalibration
from pofx.use.halves import halves_compared
from pofx.use.scores import Scores

LEAST_ITEMS = 20
"""Fewer items promise no false-alarm rate below one in twenty."""

LEAST_LABELS = 2
"""A single label tells nothing apart."""

_CARD = "CARD.md"
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

    ``incomplete`` of them are rows that miss values; ``gapped`` are the tables of patterns of gaps.
    """

    statistics: Mapping[str, Array]
    data: str
    date: datetime.date
    incomplete: int = 0
    labels: Labelled = field(default_factory=Labelled)
    gapped: GapCalibration = field(default_factory=GapCalibration)

    @property
    def n(self) -> int:
        """Number of items."""
        return len(next(iter(self.statistics.values())))


def check_count(items: int) -> None:
    """Raises RequestInvalid for too few items to promise anything useful."""
    if items < LEAST_ITEMS:
        raise RequestInvalid(
            f"expected at least {LEAST_ITEMS} normal items to calibrate on, got {items}", pointer="/inputs"
        )


def new_calibration(
    scores: Scores,
    data: str,
    date: datetime.date,
    labels: Labelled | None = None,
    gapped: GapCalibration | None = None,
) -> NewCalibration:
    """The calibration that scored items make; raises RequestInvalid for an item that cannot be normal."""
    check_count(len(scores))
    check_finite(scores.statistics)
    incomplete = 0 if scores.gaps is None else int(scores.gaps.any(axis=1).sum())
    return NewCalibration(scores.statistics, data, date, incomplete, labels or Labelled(), gapped or GapCalibration())


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
    files[_CARD] = (card + _section(source, new, same)).encode()
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
        "held_out": _held_out(score, new, same),
    }
    return bundle.ManifestBody.model_validate(body)


def _held_out(score: bundle.Score, new: NewCalibration, same: bool) -> bundle.HeldOut | None:
    """What was counted on items kept aside, as long as it holds; else what the items themselves show."""
    if same and score.calibration.held_out is not None:
        return score.calibration.held_out
    return halves_compared(score.statistics, new.statistics, new.labels.places)


def _section(source: bundle.Bundle, new: NewCalibration, same: bool) -> str:
    return (
        f"\n\n## Recalibrated on {new.date.isoformat()}\n\n"
        f"From `{source.manifest.reference}`, on {new.n} items: {_one_line(new.data)}. "
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
