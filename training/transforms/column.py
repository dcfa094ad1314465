"""What one column of a table is like: constant, repeating, heavy-tailed, or none of these."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

_REPEATING = 0.5  # distinct values per row from which on a column does not count as repeating
_EVEN = 0.05  # how far, in quanta, evenly spaced values may lie from their places
_LEAST_GAIN = 1.0  # nats per row that a bend must gain on held-out rows; a mixture explains less by itself
_FEW = 10  # distinct values up to which a column has no tails, and is counted if they are evenly spaced
_MOST_STEPS = 50  # from the first to the last of these


@dataclass(frozen=True)
class Column:
    """How a column is brought to mean 0 and standard deviation 1.

    ``scale`` and ``centre`` are in the column's units; ``mean`` and ``std`` are those of the scaled, perhaps bent
    values. ``quantum`` is the distance of neighbouring values of a repeating column, 0 of any other; on a ``lattice``
    all values are whole quanta from ``origin``. ``count`` is how many such values there are where they are counted:
    categories, and few ``endless`` numbers, which may be followed by others.
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
    count: int = 0
    endless: bool = False


def examine(values: np.ndarray, *, bend: bool, categories: int = 0) -> Column:
    """What a column with these values, float64 (rows,), is like; codes if there is a number of categories."""
    if categories:
        return _codes(values, categories)
    distinct = np.unique(values)
    if len(distinct) == 1:
        value = float(distinct[0])
        return Column(value, max(abs(value), 1.0), constant=True)
    quantum, lattice = _quantum(distinct, len(values))
    centre, scale = float(np.median(values)), _spread(values, quantum)
    scaled = (values - centre) / scale
    bent = bend and len(distinct) > _FEW and bool(_gain(scaled) > _LEAST_GAIN)
    seen = np.arcsinh(scaled) if bent else scaled
    count = steps(distinct, quantum) if lattice else 0
    return Column(
        centre, scale, float(seen.mean()), float(seen.std()), bent, quantum, float(distinct[0]), lattice,
        count=count, endless=count > 0,
    )  # fmt: skip


def steps(distinct: np.ndarray, quantum: float) -> int:
    """How many evenly spaced values there are from the first to the last seen, if few were; 0 if they are many."""
    count = int(np.round((distinct[-1] - distinct[0]) / quantum)) + 1
    return count if len(distinct) <= _FEW and count <= _MOST_STEPS else 0


def spaced(values: np.ndarray, quantum: float, categories: int) -> tuple[float, float, int, bool]:
    """Origin, quantum, count and endlessness, as in ``Column``, of values that lie whole quanta apart; zeros of others.

    Those of a column of categories whatever the quantum.
    """
    if categories:
        return 0.0, 1.0, categories, False
    distinct = np.unique(values)
    if (
        not quantum
        or np.abs((distinct - distinct[0]) / quantum - np.round((distinct - distinct[0]) / quantum)).max() > _EVEN
    ):
        return 0.0, 0.0, 0, False
    count = steps(distinct, quantum)
    return float(distinct[0]), quantum, count, count > 0


def _codes(values: np.ndarray, categories: int) -> Column:
    """A column of codes: they repeat by definition, and few rows or rare categories must not hide that."""
    centre, scale = float(np.median(values)), _spread(values, 1.0) or 1.0
    scaled = (values - centre) / scale
    spread = float(scaled.std()) or 1.0
    return Column(centre, scale, float(scaled.mean()), spread, quantum=1.0, lattice=True, count=categories)


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
