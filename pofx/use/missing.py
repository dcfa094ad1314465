"""Rows that miss values, for a model that marginalises over them, and what their p-values are worth.

The score graph counts a missing column as an average one in every statistic but ``log_prob``, which is the log-density
of the columns that are there. So ``log_prob`` of such a row compares with that of no complete row: its p-value means
something only where the calibration items are rows that miss values too, or were made to (``gap_comparison``).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.faults import REFUSE, Faults
from pofx.kinds.place import item
from pofx.rules.arrays import Array
from pofx.use.gap_comparison import PatternUsed

Gaps = NDArray[np.bool_]
"""What is missing from rows, shape (batch, features)."""


def gaps_of(model: LoadedModel, items: Array, faults: Faults = REFUSE) -> Gaps | None:
    """The missing values of items that are given to the model; None where nothing is."""
    spec = model.manifest.input
    if spec.kind != "row" or spec.missing == "refused":
        return None
    gaps: Gaps = np.isnan(items)
    gaps[list(faults.reasons)] = False
    return gaps if gaps.any() else None


def check_complete(model: LoadedModel, items: Array, faults: Faults = REFUSE) -> None:
    """Takes the first missing value of every row, which must be complete; raises RequestInvalid."""
    spec, gaps = model.manifest.input, gaps_of(model, items, faults)
    if gaps is None or spec.kind != "row":
        return
    for index in np.flatnonzero(gaps.any(axis=1)).tolist():
        name = spec.columns[int(gaps[index].argmax())].name
        words = "expected a number, got a missing value: only /score leaves columns out"
        faults.take(index, item(index), item(index).column(name).refusal(words, column=name))


def incomplete(gaps: Gaps | None, rows: int) -> NDArray[np.bool_]:
    """Which of so many rows miss any value, (rows,)."""
    found: NDArray[np.bool_] = np.zeros(rows, np.bool_) if gaps is None else np.any(gaps, axis=1)
    return found


def incomparable(calibration: bundle.Calibration, statistic: str) -> bool:
    """Whether a statistic of rows that miss values compares with none of these calibration items."""
    return statistic == "log_prob" and calibration.incomplete == 0


def note(gaps: Gaps | None, calibration: bundle.Calibration, used: Sequence[PatternUsed] = ()) -> tuple[str, ...]:
    """What is said about the p-values of rows that miss values; nothing where none does."""
    if gaps is None:
        return ()
    missed = gaps.any(axis=1)
    masked = sum(int((pattern.rows & missed).sum()) for pattern in used if pattern.masked)
    own = sum(int((pattern.rows & missed).sum()) for pattern in used if not pattern.masked)
    rest = int(missed.sum()) - masked - own
    said = (
        (own, "{} rows with gaps are compared with calibration rows that miss the same columns, as promised"),
        (
            masked,
            "{} rows with gaps are compared with calibration rows from which the same columns were taken away, as "
            "promised if values are missing whatever they would have been",
        ),
        (rest, _among_all(calibration)),
    )
    return (
        f"values are missing in {int(missed.sum())} of {len(gaps)} rows: log_prob is that of the columns that are "
        "there",
        *(words.format(count) for count, words in said if count),
    )


def _among_all(calibration: bundle.Calibration) -> str:
    """What holds of rows whose pattern has no table."""
    if calibration.incomplete:
        holds = (
            "nothing is promised for their patterns of gaps, which are too rare in calibration"
            if calibration.patterns
            else "as promised on average over patterns of gaps as frequent as in calibration, and not within each"
        )
        return (
            f"{{}} rows with gaps are compared with all calibration rows, of which {calibration.incomplete} of "
            f"{calibration.n} miss some: {holds}"
        )
    return (
        "{} rows with gaps are compared with complete calibration rows: log_prob has no p-value, and none of the "
        "others is promised (a missing column counts as an average one)"
    )
