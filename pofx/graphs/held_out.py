"""The calibration of a bundle as the service uses it: sorted held-out values, of all items and of every label."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.rules.arrays import Array
from pofx.rules.conformal import label_key
from pofx.rules.gap_tables import gap_key

Values = Mapping[str, NDArray[np.float64]]
"""Sorted ascending, by the name of the statistic, (n,) each."""


class CalibrationRefused(Exception):
    """What the file of the calibration holds is not what the manifest says."""


@dataclass(frozen=True)
class HeldOut:
    """The values of all calibration items, of those of each label, and of those of each pattern of gaps, in order."""

    values: Values = field(default_factory=dict)
    of_label: Mapping[str, Values] = field(default_factory=dict)
    of_gaps: tuple[Values, ...] = ()


def held_out(score: bundle.Score, stored: Mapping[str, Array]) -> HeldOut:
    """The calibration of a score from the arrays of its file; raises CalibrationRefused."""
    names = [statistic.name for statistic in score.statistics]
    values = {name: _sorted(stored.get(name), name, score.calibration.n) for name in names}
    of_gaps = tuple(
        {name: _sorted(stored.get(gap_key(name, place)), gap_key(name, place), pattern.n) for name in names}
        for place, pattern in enumerate(score.calibration.patterns)
    )
    counts = [label.n for label in score.calibration.labels]
    if not counts:
        return HeldOut(values, of_gaps=of_gaps)
    places = {name: _places(stored.get(label_key(name)), name, counts) for name in names}
    return HeldOut(
        values,
        {
            label.name: {name: values[name][places[name] == place] for name in names}
            for place, label in enumerate(score.calibration.labels)
        },
        of_gaps,
    )


def _sorted(values: Array | None, name: str, n: int) -> NDArray[np.float64]:
    if values is None or values.shape != (n,) or values.dtype != np.float64:
        raise CalibrationRefused(f"calibration of {name!r}: expected float64 of shape ({n},)")
    if np.isnan(values).any() or (values[1:] < values[:-1]).any():
        raise CalibrationRefused(f"calibration of {name!r}: expected ascending numbers")
    return values


def _places(places: Array | None, name: str, counts: list[int]) -> Array:
    """The label of every sorted value, an index, (n,)."""
    if places is None or places.dtype.kind != "u" or places.shape != (sum(counts),):
        raise CalibrationRefused(f"labels of {name!r}: expected unsigned integers of shape ({sum(counts)},)")
    found = [int((places == place).sum()) for place in range(len(counts))]
    if found != counts:
        raise CalibrationRefused(f"labels of {name!r}: expected {counts} items, as in the manifest, got {found}")
    return places
