"""A conformal test martingale: the fortune of a gambler who bets against the p-values being uniform.

It begins with 1. Without drift the game is fair: the fortune is a non-negative martingale, and by Ville's inequality
the chance that it *ever* reaches 1 / a is at most a, however long and however often one looks (Vovk, Nouretdinov &
Gammerman, Testing exchangeability on-line, ICML 2003).

A fortune that is all staked on the first item melts while nothing happens, and has to be earned back first when drift
comes late. So part of it stays in the purse: 1 / (1 + ln(t + 1)) after t items. What leaves the purse at an item is
staked on drift that begins there, in equal parts on every bet. The fortune never falls below the purse, and drift after
t clean items has to gain about ln t + 2 ln ln t nats more than drift at once, whatever t is.
"""

import math

import numpy as np

from pofx.rules.conformal import Floats
from service.drift.bets import HistogramBet, power_bets


class Martingale:
    """Wealth per bet, all in logarithms; ``log10`` is the whole fortune."""

    def __init__(self) -> None:
        self._items = 0
        self._histogram = HistogramBet()
        self._log_wealth: Floats | float = -np.inf
        self.log10 = 0.0

    def update(self, p_values: Floats) -> Floats:
        """The fortune after each p-value, log10, shape (n,)."""
        gains = np.concatenate([power_bets(p_values), self._histogram.gains(p_values)[np.newaxis]])  # (bets, n)
        times = self._items + 1 + np.arange(len(p_values))
        wealth = self._staked(gains, _log_stakes(times) - math.log(len(gains)))
        fortune = np.logaddexp(np.logaddexp.reduce(wealth, axis=0), _log_purse(times)) / math.log(10)
        self._items += len(p_values)
        self._log_wealth = wealth[:, -1]
        self.log10 = float(fortune[-1])
        return np.asarray(fortune)

    def _staked(self, gains: Floats, log_stakes: Floats) -> Floats:
        """Log wealth in every bet after each item, (bets, n): (wealth before + new stake) · gain, item by item."""
        total = np.cumsum(gains, axis=1)
        discounted = log_stakes - (total - gains)  # what a stake would have been worth at the start
        discounted[:, 0] = np.logaddexp(discounted[:, 0], self._log_wealth)
        wealth: Floats = total + np.logaddexp.accumulate(discounted, axis=1)
        return wealth


def _log_purse(times: np.ndarray) -> Floats:
    """What is not staked yet after that many items."""
    return np.asarray(-np.log1p(np.log1p(times)))


def _log_stakes(times: np.ndarray) -> Floats:
    """What leaves the purse at each item, counted from 1: purse(t - 1) - purse(t), without cancellation."""
    return np.asarray(np.log(np.log1p(1 / times)) + _log_purse(times - 1) + _log_purse(times))
