"""Online conformal p-values: every value is ranked among all that came before it, and then joins them.

Plain p-values compare all traffic with the same n held-out values. They are uniform only on average over calibration
sets: given one set they are not, and a test that watches long enough would find that out and call it drift. The rank
among held-out *and earlier* values, ties broken at random, is uniform and independent of all earlier ranks, exactly and
for every n, as long as calibration and traffic are exchangeable (Vovk, Gammerman & Shafer, Algorithmic Learning in a
Random World, 2005, proposition 2.8).

A full pool throws out members chosen at random, whatever their value or age. What is left of independent draws is again
a set of independent draws, so the promise stays exact; the pool only stops to grow more precise.
"""

import numpy as np

from pofx.rules.conformal import Floats

CAPACITY = 20_000
"""Values a pool remembers, 160 kB; a larger calibration set is kept whole."""


class Pool:
    """Values seen so far, sorted, the most extreme first: the calibration values, and later traffic."""

    def __init__(self, calibration: Floats, random: np.random.Generator, capacity: int = CAPACITY) -> None:
        self._sorted = calibration
        self._capacity = max(capacity, len(calibration))
        self._random = random

    def __len__(self) -> int:
        return len(self._sorted)

    def p_values(self, values: Floats) -> Floats:
        """Ranks in (0, 1] in order of arrival, shape (n,); time grows with n², so come with hundreds, not thousands."""
        below, equal = _counts(self._sorted, values)
        earlier = np.tri(len(values), k=-1, dtype=np.bool_)  # (n, n): row i has seen the columns before i
        below += ((values < values[:, np.newaxis]) & earlier).sum(axis=1)
        equal += ((values == values[:, np.newaxis]) & earlier).sum(axis=1)
        ranks = _smoothed(below, equal, len(self) + np.arange(len(values)), self._random)
        self._join(np.sort(values))
        return ranks

    def _join(self, ascending: Floats) -> None:
        merged = np.insert(self._sorted, np.searchsorted(self._sorted, ascending), ascending)
        surplus = len(merged) - self._capacity
        if surplus > 0:
            merged = np.delete(merged, self._random.choice(len(merged), surplus, replace=False, shuffle=False))
        self._sorted = merged


def fixed_p_values(calibration: Floats, values: Floats, random: np.random.Generator) -> Floats:
    """Ranks in (0, 1] among the calibration values alone, ties broken at random, shape (n,)."""
    below, equal = _counts(calibration, values)
    return _smoothed(below, equal, np.full(len(values), len(calibration)), random)


def _counts(ascending: Floats, values: Floats) -> tuple[np.ndarray, np.ndarray]:
    below = np.searchsorted(ascending, values, side="left")
    return below, np.searchsorted(ascending, values, side="right") - below


def _smoothed(below: np.ndarray, equal: np.ndarray, others: np.ndarray, random: np.random.Generator) -> Floats:
    share = 1 - random.random(len(below))  # in (0, 1]: a p-value of zero would be infinite evidence
    ranks: Floats = (below + share * (equal + 1)) / (others + 1)
    return ranks
