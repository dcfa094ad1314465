"""Whether promises hold, by simulation: discoveries over requests, all labels at once, patterns of missing values.

Every calibration set is drawn anew; scores are uniform, or those of a mixture of two Gaussians in its own density.
Nothing is taken from a bundle.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.table import Row
from pofx.rules.conformal import p_values
from pofx.rules.gap_tables import tables
from pofx.rules.lord import Stream, after
from pofx.rules.promises import confidence, pac_rank

FDR, TESTS, SETS = 0.1, 10_000, 400
SIZES, SHARES = (200, 1000, 5000), (0.0, 0.01, 0.05, 0.1, 0.3)
ODDNESS = 30  # anomalies are U^30: nine in ten lie beyond 97 % of normal items, six in ten beyond 99.9999 %
Floats = np.ndarray
Decide = Callable[[int, Floats], Floats]
"""Which of the p-values (tests,) among n calibration items are discoveries, in their order."""


def measure(_: Path) -> list[Row]:
    """A row per law and setting."""
    return [*_online(), *_labels(), *_gaps()]


# --- discoveries over requests of one item -------------------------------------------------------


def _online() -> Iterator[Row]:
    rules: dict[str, Decide] = {
        "a request each": lambda _, p: p <= FDR,
        "stream": lambda n, p: after(Stream(FDR, n), p)[1],
        "LORD++, the paper's weights": lambda _, p: _lord(p),
        "SAFFRON, lambda 0.5": lambda _, p: _saffron(p),
    }
    for n in SIZES:
        for share in SHARES:
            for name, decide in rules.items():
                yield _row(f"fdr {FDR}, n {n:,}, {share:.0%} anomalies: {name}", partial(decide, n), n, share)


def _row(name: str, decide: Callable[[Floats], Floats], n: int, share: float) -> Row:
    """The mean share of false discoveries, with its error, and how many anomalies were found."""
    random, shares, powers = np.random.default_rng(0), [], []
    for _ in range(SETS if n < 5000 else SETS // 2):
        calibration, odd = np.sort(random.random(n)), random.random(TESTS) < share
        values = random.random(TESTS)
        values[odd] **= ODDNESS
        found = decide(p_values("low", calibration, values))
        shares.append((found & ~odd).sum() / max(1, found.sum()))
        powers.append(found[odd].mean() if odd.any() else 0.0)
    error = np.std(shares) / len(shares) ** 0.5
    note = f"± {error:.3f}; {np.mean(powers):.0%} of anomalies found; {len(shares)} sets of {TESTS:,} items"
    return Row(name, (float(np.mean(shares)),), "false share", note)


def _lord(p: Floats) -> Floats:
    """LORD++ with γ_j ∝ log(j ∨ 2) / (j exp √log j) and half of the wealth at first."""
    j = np.arange(1, len(p) + 1)
    gamma = 0.0722 * np.log(np.maximum(j, 2)) / (j * np.exp(np.sqrt(np.log(j))))
    levels, found = FDR / 2 * gamma, np.zeros(len(p), bool)
    for place in np.flatnonzero(p <= FDR):
        if p[place] <= levels[place]:
            levels[place + 1 :] += (FDR if found.any() else FDR / 2) * gamma[: len(p) - place - 1]
            found[place] = True
    return found


def _saffron(p: Floats, candidate: float = 0.5) -> Floats:
    """SAFFRON with γ_j ∝ j^-1.6: levels go down only where p is above ``candidate``."""
    gamma = np.arange(1, len(p) + 1) ** -1.6
    gamma /= gamma.sum()
    later = np.concatenate([[0], np.cumsum(p > candidate)[:-1]])  # how many were no candidates before each test
    wealth = (1 - candidate) * FDR
    levels, found = wealth / 2 * gamma, np.zeros(len(p), bool)  # by the number of tests that were no candidates
    for place in np.flatnonzero(p <= FDR):
        if p[place] <= levels[later[place]]:
            levels[later[place] :] += (wealth if found.any() else wealth / 2) * gamma[: len(p) - later[place]]
            found[place] = True
    return found


# --- all labels at once ---------------------------------------------------------------------------


def _labels(labels: int = 10, sets: int = 20_000) -> Iterator[Row]:
    """Uniform scores: the realised rate of a threshold is the calibration value at its rank."""
    for alpha in (0.01, 0.05):
        for n in (500, 2000):
            random = np.random.default_rng(1)
            for promise in ("pac", "pac_all"):
                rank = pac_rank(alpha, n, confidence(promise, labels))
                if rank:
                    realised = random.beta(rank, n + 1 - rank, (sets, labels))
                    broken = float((realised > alpha).any(axis=1).mean())
                    note = f"threshold {rank / (n + 1):.4f}, {sets:,} sets, at most 0.05 is promised by pac_all"
                    name = f"alpha {alpha}, {labels} labels of {n:,}: any label above alpha, {promise}"
                    yield Row(name, (broken,), "share of sets", note)


# --- patterns of missing values -------------------------------------------------------------------

_MEANS, _SPREADS, _WIDE = np.array([[-20.0, -20.0], [20.0, 20.0]]), np.array([[1.0, 1.0], [1.0, 6.0]]), 0.15


def _gaps(n: int = 500, sets: int = 2000, fresh: int = 500) -> Iterator[Row]:
    """Rows of two clusters of unequal width that miss one of two columns, calibrated on complete rows."""
    averages = _averages()
    for missing in (0, 1):
        for alpha in (0.01, 0.05, 0.1):
            for kind in ("all rows", "its table"):
                random = np.random.default_rng(2)
                rates = [_rate(random, n, fresh, missing, alpha, averages, kind) for _ in range(sets)]
                note = f"± {np.std(rates) / sets**0.5:.4f}, n {n}, {sets:,} sets of {fresh} rows"
                name = f"alpha {alpha}, column {missing} of 2 missing: among {kind}"
                yield Row(name, (float(np.mean(rates)),), "false alarms", note)


def _rate(
    random: np.random.Generator, n: int, fresh: int, missing: int, alpha: float, averages: Floats, kind: str
) -> float:
    calibration, rows = _rows(random, n), _rows(random, fresh)
    rows[:, missing] = np.nan
    if kind == "its table":
        (table,) = [item for item in tables(np.isnan(calibration)) if item.pattern == (missing,)]
        calibration = calibration[table.rows]
        calibration[:, missing] = np.nan
    held = np.sort(_surprise(calibration, averages))
    return float((p_values("high", held, _surprise(rows, averages)) <= alpha).mean())


def _rows(random: np.random.Generator, count: int) -> Floats:
    wide = (random.random(count) < _WIDE).astype(int)
    found: Floats = _MEANS[wide] + random.standard_normal((count, 2)) * _SPREADS[wide]
    return found


def _averages() -> Floats:
    """The mean of minus log p of the first column, and of the second given it, (2,)."""
    whole = _rows(np.random.default_rng(3), 200_000)
    first = whole.copy()
    first[:, 1] = np.nan
    nothing = np.zeros(2)
    start = _surprise(first, nothing).mean()
    return np.array([start, _surprise(whole, nothing).mean() - start])


def _surprise(x: Floats, averages: Floats) -> Floats:
    """Minus log p of the columns that are there, with average terms for the others, as the statistics have it."""
    there = ~np.isnan(x)
    away = ((np.nan_to_num(x)[:, None] - _MEANS) / _SPREADS) ** 2 + 2 * np.log(_SPREADS) + np.log(2 * np.pi)
    joint = -0.5 * (away * there[:, None]).sum(2) + np.log([1 - _WIDE, _WIDE])
    found: Floats = -np.logaddexp(joint[:, 0], joint[:, 1]) + (averages * ~there).sum(1)
    return found
