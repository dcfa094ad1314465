"""The next version of a bundle: the same model, compared with other held-out items.

Nothing is fitted again. Graphs, golden vectors and recipe stay as they are; only what the p-values compare with
changes, and with it what the manifest and the card may still claim.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bundle.manifest import LabelCount, ManifestBody
from bundle.reader import Bundle

LEAST_ITEMS = 20
"""Fewer items promise no false-alarm rate below one in twenty."""

_CARD = "CARD.md"
_OUTDATED = "false_alarm_rate"


@dataclass(frozen=True)
class NewCalibration:
    """``content``: an npz file with every statistic of n items, sorted; ``data`` says what the items were.

    ``incomplete`` of them are rows that miss values. ``same_values`` says that these are the items of the calibration
    before, so that what was measured with it still holds; only their labels may be new.
    """

    content: bytes
    n: int
    data: str
    date: datetime.date
    incomplete: int = 0
    labels: tuple[LabelCount, ...] = ()
    same_values: bool = False


def recalibrated(source: Bundle, new: NewCalibration) -> tuple[ManifestBody, Mapping[str, bytes]]:
    """Manifest and files of the next version, for ``write``; ValueError for a model without a score."""
    score = source.manifest.score
    if score is None:
        raise ValueError(f"{source.manifest.reference} has no score, so there is nothing to calibrate")
    files = {name: source.read_bytes(name) for name in source.manifest.files}
    files[score.calibration.file] = new.content
    files[_CARD] = files.get(_CARD, b"").rstrip() + _section(source, new).encode()
    return _body(source, new), files


def _body(source: Bundle, new: NewCalibration) -> ManifestBody:
    body: dict[str, Any] = source.manifest.model_dump(include=set(ManifestBody.model_fields))
    if not new.same_values:
        body["metrics"] = [item for item in body["metrics"] if not item["name"].startswith(_OUTDATED)]
    body["score"]["calibration"] |= {
        "n": new.n,
        "data": _one_line(new.data),
        "incomplete": new.incomplete,
        "labels": new.labels,
    }
    return ManifestBody.model_validate(body)


def _section(source: Bundle, new: NewCalibration) -> str:
    return (
        f"\n\n## Recalibrated on {new.date.isoformat()}\n\n"
        f"From `{source.manifest.reference}`, on {new.n} items: {_one_line(new.data)}. "
        f"{_consequence(new)}{_per_label(new)}\n"
    )


def _consequence(new: NewCalibration) -> str:
    if new.same_values:
        return "These are the items it was calibrated on before: p-values and what was measured above stay as they are."
    return (
        "The model is the same; p-values and verdicts compare with these items. False-alarm rates above were measured "
        "with the calibration before and say nothing about this one."
    )


def _per_label(new: NewCalibration) -> str:
    counted = ", ".join(f"{_one_line(label.name)} ({label.n})" for label in new.labels)
    return f" Per label: {counted}." if counted else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
