"""Bets against p-values being uniform: densities on [0, 1], so that the expected gain of a fair game is one.

Power bets e·x^(e-1) gain where x is small. With x = p they gain from too many anomalies, with 1 - p from too few, with
|2p - 1| from p-values that gather around one half, with 1 - |2p - 1| from ones that gather at both ends. The bet on the
recent histogram gains from any other clump, wherever the last p-values were denser than they should be.
"""

import numpy as np

from pofx.rules.conformal import Floats

EXPONENTS = (0.25, 0.5, 0.75, 0.95)
_LEAST = 1e-12  # a bet never gains more than its density here, which costs it nothing of its fairness


def power_bets(p_values: Floats) -> Floats:
    """Log gains of every view with every exponent, nats, shape (4 · exponents, n)."""
    folded = np.abs(2 * p_values - 1)
    views = np.log(np.stack([p_values, 1 - p_values, folded, 1 - folded]).clip(_LEAST, 1))  # (4, n)
    exponents = np.array(EXPONENTS)[:, np.newaxis, np.newaxis]
    gains = np.log(exponents) + (exponents - 1) * views  # (exponents, 4, n)
    return np.reshape(gains, (-1, len(p_values)))  # (4 · exponents, n)


class HistogramBet:
    """Bets on the histogram of the last p-values, drawn towards the uniform one."""

    def __init__(self, bins: int = 10, memory: int = 200, caution: float = 10.0) -> None:
        self._bins, self._memory, self._caution = bins, memory, caution
        self._recent: Floats = np.empty(0)

    def gains(self, p_values: Floats) -> Floats:
        """Log gains, nats, shape (n,): each by the histogram of the p-values before it."""
        places = np.arange(len(p_values))
        known = np.concatenate([self._recent, p_values])
        own = (known * self._bins).astype(np.intp).clip(max=self._bins - 1)
        seen = np.zeros((len(known) + 1, self._bins))
        seen[1:] = np.cumsum(own[:, np.newaxis] == np.arange(self._bins), axis=0)  # how often before each item
        stop = len(self._recent) + places
        start = np.maximum(stop - self._memory, 0)
        counts = (seen[stop] - seen[start])[places, own[stop]]  # (n,)
        self._recent = known[-self._memory :]
        density = self._bins * (counts + self._caution) / (stop - start + self._bins * self._caution)
        gains: Floats = np.log(density)
        return gains
