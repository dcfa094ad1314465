"""What one column of a table is like: constant, repeating, heavy-tailed, or none of these."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

_REPEATING = 0.5  # distinct values per row from which on a column does not count as repeating
_EVEN = 0.05  # how far, in quanta, evenly spaced values may lie from their places
_LEAST_GAIN = 1.0  # nats per row that a bend must gain on held-out rows; a mixture explains less by itself
_FEW = 10  # distinct values up to which a column has no tails


@dataclass(frozen=True)
class Column:
    """How a column is brought to mean 0 and standard deviation 1.

    ``scale`` and ``centre`` are in the column's units; ``mean`` and ``std`` are those of the scaled, perhaps bent
    values. ``quantum`` is the distance of neighbouring values of a repeating column, 0 of any other; on a ``lattice``
    all values are whole quanta from ``origin``.
    """

    centre: float
    scale: float
    mean: float = 0.0
    std: float = 1.0
    bent: bool = False
    quantum: float = 0.0
    origin: float = 0.0
    lattice: bool = False
    constant: bool = False


def examine(values: np.ndarray, *, bend: bool, categories: int = 0) -> Column:
    """What a column with these values, float64 (rows,), is like; codes if there is a number of categories."""
    distinct = np.unique(values)
    if len(distinct) == 1:
        value = float(distinct[0])
        return Column(value, max(abs(value), 1.0), constant=True)
    if categories:
        return _codes(values)
    quantum, lattice = _quantum(distinct, len(values))
    centre, scale = float(np.median(values)), _spread(values, quantum)
    scaled = (values - centre) / scale
    bent = bend and len(distinct) > _FEW and bool(_gain(scaled) > _LEAST_GAIN)
    seen = np.arcsinh(scaled) if bent else scaled
    return Column(centre, scale, float(seen.mean()), float(seen.std()), bent, quantum, float(distinct[0]), lattice)


def _codes(values: np.ndarray) -> Column:
    """A column of codes: they repeat by definition, and few rows or rare categories must not hide that."""
    centre, scale = float(np.median(values)), _spread(values, 1.0)
    scaled = (values - centre) / scale
    return Column(centre, scale, float(scaled.mean()), float(scaled.std()), quantum=1.0, lattice=True)


def _quantum(distinct: np.ndarray, rows: int) -> tuple[float, bool]:
    """Distance of neighbouring values, and whether all are whole multiples of it apart; 0 if few repeat."""
    if len(distinct) > _REPEATING * rows:
        return 0.0, False
    rounding = 4 * np.finfo(np.float32).eps * np.abs(distinct).max()
    gaps = np.diff(distinct)
    gaps = gaps[gaps > rounding]
    if len(gaps) == 0:
        return 0.0, False
    extent = distinct[-1] - distinct[0]
    quantum = extent / np.round(extent / gaps.min())
    places = (distinct - distinct[0]) / quantum
    if np.abs(places - np.round(places)).max() <= _EVEN:
        return float(quantum), True
    return float(np.median(gaps)), False


def _spread(values: np.ndarray, quantum: float) -> float:
    """Half the distance of the quartiles, in the units of a standard deviation; never below a quantum."""
    low, high = np.quantile(values, [0.25, 0.75])
    robust = float(high - low) / float(norm.ppf(0.75) - norm.ppf(0.25))
    return max(robust, quantum) if robust > 1e-3 * values.std() else float(values.std())


def _gain(scaled: np.ndarray) -> float:
    """Nats per row that bending gains on every fourth row, under a Gaussian fitted to the others."""
    held_out = np.arange(len(scaled)) % 4 == 3
    if held_out.sum() < 5:
        return 0.0
    slope = -0.5 * np.log1p(scaled[held_out] ** 2).mean()
    bent = np.arcsinh(scaled)
    return slope + _log_prob(bent[~held_out], bent[held_out]) - _log_prob(scaled[~held_out], scaled[held_out])


def _log_prob(values: np.ndarray, held_out: np.ndarray) -> float:
    return float(norm.logpdf(held_out, values.mean(), max(values.std(), 1e-6)).mean())
