"""Which of many items are anomalies, with a bound on the share of false ones among them.

Y. Benjamini & Y. Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995): of m sorted p-values
p_(1) <= … <= p_(m), take the largest k with p_(k) <= fdr·k/m; the k smallest are discoveries. Conformal p-values of one
request share their calibration items, so they are not independent; they are positively dependent in the way the
procedure needs, and the bound holds: S. Bates, E. Candès, L. Lei, Y. Romano & M. Sesia, "Testing for outliers with
conformal p-values", Annals of Statistics 51 (2023), arXiv:2104.08279. Items that belong together do not have that kind
of dependence, so of every group one, drawn at random, is tested for all of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pofx.rules.conformal import Floats
from pofx.rules.groups import drawn_by, one_of_each
from pofx.use.sizes import RECIPE_LINE, Size, check_rate

FEW_TESTS = 20
"""Of so many tests a discovery is hardly ever among several, and the share of false ones in a request is 0 or 1."""

_ROUNDING = 1e-12  # p·m and fdr·k are rounded; distinct fractions of any real calibration set differ by far more


@dataclass(frozen=True)
class Discoveries:
    """The verdict over all items of a request; ``found`` has shape (batch,).

    ``tests`` counts what was tested, ``count`` what of it is discovered: items with a p-value or, ``by_group``, groups.
    ``threshold`` is the largest p-value of a discovery, if there is one.
    """

    fdr: float
    tests: int
    count: int
    found: NDArray[np.bool_]
    threshold: float | None
    by_group: bool = field(default=False, kw_only=True)

    def columns(self) -> dict[str, NDArray[Any]]:
        """What a table of scores has of them, (batch,) each."""
        return {"discovery": self.found}


def benjamini_hochberg(p_values: Floats, fdr: float) -> Discoveries:
    """The discoveries at that false discovery rate; an item without a p-value (NaN) is neither test nor discovery."""
    values, counts = np.unique(p_values[~np.isnan(p_values)], return_counts=True)
    threshold = threshold_of(values, counts, fdr)
    found = np.zeros(p_values.shape, np.bool_) if threshold is None else p_values <= threshold
    return Discoveries(fdr, int(counts.sum()), int(found.sum()), found, threshold)


def discoveries(p_values: Floats, groups: Sequence[str], fdr: float) -> Discoveries:
    """The items that are discoveries; or the ``groups``, each by one of its items, and ``found`` says it of all."""
    if not groups:
        return benjamini_hochberg(p_values, fdr)
    own = np.array(groups, np.str_)
    of_drawn = benjamini_hochberg(one_alone(p_values, groups), fdr)
    return replace(of_drawn, found=np.isin(own, own[of_drawn.found]), by_group=True)


def one_alone(p_values: Floats, groups: Sequence[str], among: NDArray[np.bool_] | None = None) -> Floats:
    """The p-values of one item of each group, (batch,), NaN for all others; ``among`` are those it may be."""
    there = ~np.isnan(p_values) if among is None else among & ~np.isnan(p_values)
    places, lots = np.flatnonzero(there), drawn_by(p_values).random(len(p_values))
    drawn = places[one_of_each(np.array(groups, np.str_)[places], lots[places])]
    alone = np.full(p_values.shape, np.nan)
    alone[drawn] = p_values[drawn]
    return alone


def threshold_of(values: Floats, counts: NDArray[np.int64], fdr: float) -> float | None:
    """The largest p-value of a discovery, if there is one, where each of the ascending values occurs so often.

    Conformal p-values of any number of items take few values, so that their counts are all it takes to know.
    """
    ranks = counts.cumsum()  # of the last of equal values, which passes if any of them does
    tests = int(ranks[-1]) if len(ranks) else 0
    passed = (values * tests <= fdr * ranks * (1 + _ROUNDING)) & (counts > 0)
    return float(values[np.flatnonzero(passed)[-1]]) if passed.any() else None


def check_fdr(fdr: float, size: Size) -> None:
    """Raises RequestInvalid for a rate at which so many calibration items never allow a discovery, whatever is sent.

    The best case is that all items have the smallest p-value; then the rate itself is the threshold.
    """
    check_rate("fdr", fdr, size, "allows no discovery")


def notes_on(found: Discoveries, size: Size) -> tuple[str, ...]:
    """What is to be known about discoveries in one request."""
    return tuple(filter(None, (power_note(found, size), few_note(found))))


def power_note(found: Discoveries, size: Size) -> str | None:
    """A warning where the calibration items are too few to find a single anomaly among the others."""
    least = math.ceil(found.tests * size.smallest_p_value / found.fdr * (1 - _ROUNDING))
    if least <= 1:
        return None
    needed = math.ceil(found.tests / found.fdr * (1 - _ROUNDING)) - 1
    of_label, tested = "" if size.label is None else " of that label", "groups" if found.by_group else "items"
    aim = f"for one{of_label} to be" if of_label else "to be"
    return (
        f"fdr {found.fdr:g}: with {size.items}, fewer than {least} anomalies among {found.tests} {tested} are too few "
        f"{aim} discovered; to discover a single one takes {needed} calibration items{of_label} ({RECIPE_LINE})"
    )


def few_note(found: Discoveries) -> str | None:
    """What a bound on average over requests is worth where each has few items."""
    if not 0 < found.tests < FEW_TESTS:
        return None
    return (
        f"fdr {found.fdr:g} holds for the items of one request, on average over requests: over many requests of few "
        "items most discoveries can be false (measured: 91 % with one item a request, of which one in a hundred is an "
        "anomaly); to hold it over requests, go on with one stream (control=online, --online-fdr)"
    )
