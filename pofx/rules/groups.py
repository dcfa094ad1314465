"""Items that belong together: windows of one recording, rows of one machine, pictures of one patient.

Items of a group are alike, so that a thousand windows of ten recordings say little more than ten independent items. One
rule holds wherever something is promised: **one item a group, drawn at random**. Where groups are exchangeable these
items are too, and all that is proven for n exchangeable items holds with n the number of groups: the p-value and its
beta law, hence ``pac`` and the band of false alarms, the positive dependence that ``fdr`` needs, and the martingale of
drift. What is promised is about an item drawn at random from a fresh group.

The p-value that weights every item by one over the size of its group would use all of them, and holds on average as
well (Y. Lee, R. Barber & R. Willett, "Distribution-free inference with hierarchical data", 2023, arXiv 2306.06342), but
it has neither that law nor that dependence.
"""

import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.rules.arrays import Array
from pofx.rules.conformal import Floats

Places = NDArray[np.intp]
UNNAMED = "groups"
"""What groups are called of which nothing else is known."""

FILES = "WAV files"
"""What groups are called that are the windows of one recording each."""

REMEMBERED = 20_000
"""Groups that are known again over many requests."""

_SEEDING = 16


def one_of_each(groups: Array, lots: Floats) -> Places:
    """The place of one item of every group, that with the smallest lot, ascending; groups and random lots (items,)."""
    order = np.argsort(lots, kind="stable")
    _, first = np.unique(groups[order], return_index=True)
    return np.sort(order[first])


def drawn_by(values: Array) -> np.random.Generator:
    """A generator of lots that the first values themselves seed.

    So the same items are drawn alike, in one request or block by block, and no place in a group oftener than others.
    """
    return np.random.default_rng(zlib.crc32(np.ascontiguousarray(values[:_SEEDING]).tobytes()))


class KnownGroups:
    """What was found of groups; the ones that are known longest are forgotten first."""

    def __init__(self, found: Mapping[str, bool] | None = None) -> None:
        self.found = dict(found or {})

    def take(self, group: str, found: bool) -> None:
        """Keeps what was found of a group that is new."""
        self.found[group] = found
        if len(self.found) > REMEMBERED:
            del self.found[next(iter(self.found))]


def called(what: str, name: str | None) -> str:
    """What groups are called that a column, or whatever else, of that name tells; ``UNNAMED`` without one."""
    return UNNAMED if name is None else f"{what} {name!r}"


def counted(calibration: bundle.Calibration) -> str:
    """How many items a calibration keeps, and of how many, in words."""
    n, groups = f"{calibration.n:,}", calibration.groups
    if groups is None:
        return f"{n} items"
    if not groups.told:
        return f"{n} items, not told which belong together ({groups.by})"
    what = "" if groups.by == UNNAMED else f" ({groups.by})"
    return f"{n} of {groups.items:,} items, one from each group{what}"
