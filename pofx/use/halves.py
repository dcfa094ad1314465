"""Whether the items of a calibration are exchangeable in their order: each half compared with the other.

Windows of one recording, or rows of one batch, stand together in a file, so a half holds other recordings than the
other one. That the halves differ is what no shuffled split would show.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.rules.arrays import Array
from pofx.rules.conformal import p_values
from pofx.rules.excess import excess
from pofx.rules.false_alarms import ALPHAS, false_alarms

_COMPARISON = "each half of the items against the other, in their order"


def halves_compared(
    declared: Sequence[bundle.Statistic],
    statistics: Mapping[str, Array],
    labels: NDArray[np.unsignedinteger[Any]] | None = None,
) -> bundle.HeldOut | None:
    """The false alarms of either half, by the statistics of all items in their order, shape (items,) each.

    Every label, (items,), is halved on its own: files are sorted by them. None where a half would be empty.
    """
    first = _first_half(len(next(iter(statistics.values()))), labels)
    if first.all() or not first.any():
        return None
    tests, found = 2 * len(declared) * len(ALPHAS), []
    for item in declared:
        for half in (first, ~first):
            values = statistics[item.name]
            p = p_values(item.tail, np.sort(values[half]), values[~half])
            found += excess(item.name, false_alarms(p, int(half.sum()), ALPHAS, tests))
    within = "" if labels is None else ", within every label"
    return bundle.HeldOut(items=len(first), comparison=_COMPARISON + within, excess=tuple(found))


def _first_half(items: int, labels: NDArray[np.unsignedinteger[Any]] | None) -> NDArray[np.bool_]:
    """Which items belong to the first half of their label, (items,)."""
    kinds = np.zeros(items, np.intp) if labels is None else labels
    first = np.zeros(items, bool)
    for kind in np.unique(kinds):
        places = np.flatnonzero(kinds == kind)
        first[places[: len(places) // 2]] = True
    return first
