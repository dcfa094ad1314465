"""What every method is given: the same rows to fit on and the same rows to judge.

A set is cut to ``max_rows`` rows and split 70/30, both stratified by label and seeded. Labels are used for these splits
and to judge, nowhere else.

- ``one-class``: fitted on the normal rows of the 70 %.
- ``contaminated``: fitted on all of the 70 %, anomalies among them.

Both are judged on all of the 30 %. False alarms need calibration rows that were not fitted on: the 30 % are halved,
each half calibrates the other, and the rate is that of the normal rows of both. In the one-class protocol only normal
rows calibrate; in the contaminated one all do, since nobody knows which are which.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from sklearn.model_selection import train_test_split

from training.data import npz
from training.errors import DataError

Protocol = Literal["one-class", "contaminated"]
TEST_SHARE = 0.3


@dataclass(frozen=True)
class Trial:
    """One split of one set. Rows are float32 (rows, features) in original units, ``anomalous`` is bool (rows,)."""

    name: str
    protocol: Protocol
    seed: int
    columns: tuple[str, ...]
    fit: np.ndarray
    test: np.ndarray
    anomalous: np.ndarray

    @property
    def fingerprint(self) -> str:
        """Ten characters that change with the rows."""
        digest = hashlib.sha256()
        for part in (self.fit, self.test, self.anomalous):
            digest.update(f"{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()[:10]

    @property
    def first_half(self) -> np.ndarray:
        """Which test rows are in the first of two halves, with as many anomalies as the other; bool (rows,)."""
        random = np.random.default_rng(self.seed)
        first = np.zeros(len(self.test), dtype=bool)
        for kind in (False, True):
            places = random.permutation(np.flatnonzero(self.anomalous == kind))
            first[places[: len(places) // 2]] = True
        return first


def available(folder: Path) -> dict[str, Path]:
    """The sets in a folder by name: ``6_cardio.npz`` is called cardio."""
    found = {re.sub(r"^\d+_", "", path.stem).lower(): path for path in sorted(folder.glob("*.npz"))}
    if not found:
        raise DataError(f"{folder}: expected archives like 6_cardio.npz with the arrays X and y, found none")
    return found


def selected(folder: Path, names: list[str]) -> dict[str, Path]:
    """The sets of these names, all of them for no names."""
    sets = available(folder)
    for name in names:
        if name not in sets:
            raise DataError(f"{folder}: no set {name!r}; there is: {', '.join(sets)}")
    return {name: sets[name] for name in names or sets}


def trial(name: str, path: Path, protocol: Protocol, seed: int, max_rows: int) -> Trial:
    """One split of the set in an archive with the arrays ``X`` and ``y``, where y = 1 is an anomaly."""
    dataset = npz.load(path, "X", "y")
    if set(dataset.label_names) != {"0", "1"} or dataset.labels is None:
        raise DataError(f"{path}: expected y to be 0 or 1, both of them, got {', '.join(dataset.label_names)}")
    if np.isnan(dataset.x).any():
        row, column = np.argwhere(np.isnan(dataset.x))[0]
        name = dataset.columns[column]
        raise DataError(f"{path}: missing value in row {row}, column {name}; the classic detectors take complete rows")
    anomalous = dataset.labels == dataset.label_names.index("1")
    kept = _subset(anomalous, max_rows, seed)
    fit, test = train_test_split(kept, test_size=TEST_SHARE, stratify=anomalous[kept], random_state=seed)
    if protocol == "one-class":
        fit = fit[~anomalous[fit]]
    return Trial(name, protocol, seed, dataset.columns, dataset.x[fit], dataset.x[test], anomalous[test])


def _subset(anomalous: np.ndarray, max_rows: int, seed: int) -> np.ndarray:
    places = np.arange(len(anomalous))
    if len(places) <= max_rows:
        return places
    return train_test_split(places, train_size=max_rows, stratify=anomalous, random_state=seed)[0]
