"""Why an item is odd, in the terms of its kind, in few words."""

import numpy as np

from pofx import bundle
from pofx.rules.arrays import Array

_MOST = 3


def top_columns(spec: bundle.RowSpec, values: Array, surprise: Array, most: int = _MOST) -> list[tuple[str, float]]:
    """The columns that surprise most, with their surprise in nats; those that are missing surprise nobody."""
    there = np.where(np.isnan(values), -np.inf, np.nan_to_num(surprise, nan=np.inf))
    order = np.argsort(-there, kind="stable")[:most]
    return [(spec.columns[place].name, float(there[place])) for place in order.tolist() if np.isfinite(values[place])]
