"""From a statistic to a p-value, by comparison with held-out data (conformal; Vovk, Gammerman & Shafer 2005).

With n exchangeable held-out values the p-value (1 + number at least as extreme) / (n + 1) is at most alpha with
probability at most alpha for normal traffic. It is never below 1 / (n + 1).
A statistic of minus or plus infinity is a number like any other; NaN has no p-value and no verdict.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def p_values(tail: Literal["low", "high"], calibration: Floats, values: NDArray[np.floating]) -> Floats:
    """The p-value of each value, shape (batch,), NaN where the value is NaN; ties count against the item.

    ``calibration`` holds the held-out values, sorted ascending; ``tail`` is the anomalous one.
    """
    n = len(calibration)
    values = values.astype(np.float64, copy=False)
    if tail == "low":
        extreme = calibration.searchsorted(values, side="right")
    else:
        extreme = n - calibration.searchsorted(values, side="left")
    found: Floats = (1 + extreme) / (n + 1)
    found[np.isnan(values)] = np.nan
    return found


def label_key(statistic: str) -> str:
    """What the labels of the sorted values of a statistic are called beside them."""
    return f"{statistic}.label"


def ranked(
    values: Mapping[str, NDArray[np.floating]], labels: NDArray[np.unsignedinteger] | None = None
) -> dict[str, NDArray[np.generic]]:
    """The calibration of a bundle: every statistic of the held-out items, sorted ascending, float64 (n,).

    With labels, (n,), also the label of every sorted value, under its ``label_key``: what it takes to compare an
    item with those of its own label only. Equal values have their labels ascending.
    """
    found: dict[str, NDArray[np.generic]] = {name: np.sort(v.astype(np.float64)) for name, v in values.items()}
    if labels is None:
        return found
    return found | {label_key(name): labels[np.lexsort((labels, v))] for name, v in values.items()}
