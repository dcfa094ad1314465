"""Patterns of missing values: who gets a table of which rows, and the rate within every pattern."""

import numpy as np
import pytest

from pofx.rules.conformal import p_values
from pofx.rules.gap_tables import LEAST_ROWS, MOST_MASKED, MOST_TABLES, patterns_of, tables

ALPHA, SETS, FRESH = 0.1, 300, 400
MEANS, SPREADS, WIDE = np.array([[-20.0, -20.0], [20.0, 20.0]]), np.array([[1.0, 1.0], [1.0, 6.0]]), 0.15
AVERAGES = np.array([1.84, 1.69])  # of minus log p of the first column, and of the second given the first


def rows(random, count):
    """Two clusters of unequal width, which a bundle of a `gmm` finds as well."""
    wide = (random.random(count) < WIDE).astype(int)
    return MEANS[wide] + random.standard_normal((count, 2)) * SPREADS[wide]


def surprise(x):
    """Minus log p of the columns that are there, in the mixture itself; a missing one counts as an average one."""
    there = ~np.isnan(x)
    away = ((np.nan_to_num(x)[:, None] - MEANS) / SPREADS) ** 2 + 2 * np.log(SPREADS) + np.log(2 * np.pi)  # (n, 2, 2)
    joint = -0.5 * (away * there[:, None]).sum(2) + np.log([1 - WIDE, WIDE])
    return -np.logaddexp(joint[:, 0], joint[:, 1]) + (AVERAGES * ~there).sum(1)


def rates(missing, *, within):
    """The share of rows that miss a column and are called anomalies, (sets,), by calibration on complete rows."""
    random, found = np.random.default_rng(0), []
    for _ in range(SETS):
        calibration, fresh = rows(random, 400), rows(random, FRESH)
        fresh[:, missing] = np.nan
        compared = calibration
        if within:
            (table,) = [item for item in tables(np.isnan(calibration)) if item.pattern == (missing,)]
            compared = calibration[table.rows].copy()
            compared[:, missing] = np.nan
        found.append((p_values("high", np.sort(surprise(compared)), surprise(fresh)) <= ALPHA).mean())
    return np.array(found)


def test_complete_rows_alone_break_the_rate_within_a_pattern_and_its_table_keeps_it():
    """A missing column counts as an average one, so that the wide cluster sticks out by the other alone."""
    assert rates(0, within=False).mean() > 1.2 * ALPHA
    for missing in (0, 1):
        found = rates(missing, within=True)
        assert found.mean() == pytest.approx(ALPHA, abs=3 * found.std() / SETS**0.5 + 1 / 401)


def test_rows_of_the_pattern_itself_need_no_assumption():
    """Values that are missing because of what they are: the table of such rows holds, masked rows would not."""
    random, own, masked = np.random.default_rng(1), [], []
    for _ in range(SETS):
        calibration, fresh = rows(random, 1200), rows(random, 1200)
        for x in (calibration, fresh):
            x[(x[:, 0] > 0) & (random.random(1200) < 0.8), 0] = np.nan  # mostly from the wide cluster
        (table,) = [item for item in tables(np.isnan(calibration)) if item.pattern == (0,)]
        assert table.masked == 0
        odd = surprise(fresh[np.isnan(fresh[:, 0])])
        others = calibration[~np.isnan(calibration[:, 0])].copy()
        others[:, 0] = np.nan
        for found, compared in ((own, calibration[table.rows]), (masked, others)):
            found.append((p_values("high", np.sort(surprise(compared)), odd) <= ALPHA).mean())
    assert np.mean(own) == pytest.approx(ALPHA, abs=0.01)
    assert np.mean(masked) > 3 * ALPHA


def test_a_table_is_of_rows_of_its_pattern_or_of_rows_that_miss_no_other_column():
    random = np.random.default_rng(2)
    gaps = random.random((3000, 4)) < [0.3, 0.02, 0, 0]
    found = {table.pattern: table for table in tables(gaps, others=[(0, 1, 2), (2, 3)])}
    assert {(), (0,), (1,), (2,), (3,), (0, 1), (2, 3), (0, 1, 2)} == set(found)
    for pattern, table in found.items():
        missing = np.isin(np.arange(4), pattern)
        exactly = (gaps[table.rows] == missing).all(axis=1)
        assert table.masked == (~exactly).sum()
        assert not (gaps[table.rows] & ~missing).any()
        assert len(table.rows) >= LEAST_ROWS
        assert table.masked == 0 or len(table.rows) <= MOST_MASKED
    assert [found[pattern].masked for pattern in ((), (0,))] == [0, 0]
    assert patterns_of(gaps)[:2] == [(), (0,)]


def test_few_rows_get_no_table_and_a_bundle_no_more_than_it_can_carry():
    gaps = np.zeros((60, 3), bool)
    assert [table.pattern for table in tables(gaps)] == [(0,), (1,), (2,)]  # as many rows as there are
    gaps[:30, 0] = True
    assert [table.pattern for table in tables(gaps)] == [(0,)]
    wide = np.random.default_rng(3).random((500, 60)) < 0.01
    assert len(tables(wide)) <= MOST_TABLES
    assert all(len(table.pattern) < 60 for table in tables(wide))
