"""Rows that miss values, for a model that marginalises over them, and what their p-values are worth.

The score graph counts a missing column as an average one in every statistic but ``log_prob``, which is the log-density
of the columns that are there. So ``log_prob`` of such a row compares with that of no complete row: its p-value means
something only where the calibration items are rows that miss values too.
"""

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.rules.arrays import Array

Gaps = NDArray[np.bool_]
"""What is missing from rows, shape (batch, features)."""


def gaps_of(model: LoadedModel, items: Array) -> Gaps | None:
    """The missing values; None where nothing is."""
    spec = model.manifest.input
    if spec.kind != "row" or spec.missing == "refused":
        return None
    gaps: Gaps = np.isnan(items)
    return gaps if gaps.any() else None


def check_complete(model: LoadedModel, items: Array) -> None:
    """Raises RequestInvalid for the first missing value of a row that must be complete."""
    spec, gaps = model.manifest.input, gaps_of(model, items)
    if gaps is None or spec.kind != "row":
        return
    index, place = (int(found) for found in np.argwhere(gaps)[0])
    name = spec.columns[place].name
    raise RequestInvalid(
        f"item {index}, column {name!r}: expected a number, got a missing value: only /score leaves columns out",
        index=index,
        column=name,
    )


def incomplete(gaps: Gaps | None, rows: int) -> NDArray[np.bool_]:
    """Which of so many rows miss any value, (rows,)."""
    found: NDArray[np.bool_] = np.zeros(rows, np.bool_) if gaps is None else np.any(gaps, axis=1)
    return found


def incomparable(calibration: bundle.Calibration, statistic: str) -> bool:
    """Whether a statistic of rows that miss values compares with none of these calibration items."""
    return statistic == "log_prob" and calibration.incomplete == 0


def note(gaps: Gaps | None, calibration: bundle.Calibration) -> tuple[str, ...]:
    """What is said about the p-values of rows that miss values; nothing where none does."""
    if gaps is None:
        return ()
    rows = int(gaps.any(axis=1).sum())
    start = f"values are missing in {rows} of {len(gaps)} rows: log_prob is that of the columns that are there"
    if calibration.incomplete:
        share = f"{calibration.incomplete} of {calibration.n} calibration rows miss some"
        return (f"{start}; p-values are exact if values are missing in the same way as in calibration, where {share}",)
    return (
        f"{start}; the calibration rows were complete, so log_prob has no p-value for these rows, and the other "
        "p-values are approximate: a missing column counts as an average one",
    )
