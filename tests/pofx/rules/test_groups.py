"""One item a group keeps every promise where groups are exchangeable; all items as if each were by itself do not."""

import numpy as np
import pytest
from scipy.stats import norm

from pofx.rules.conformal import p_values
from pofx.rules.false_alarms import ALPHAS, CHANCE, false_alarms
from pofx.rules.groups import drawn_by, one_of_each
from pofx.rules.promises import CONFIDENCE, pac_rank

SETS, GROUPS = 600, 400


def thresholds(values, rank):
    """The value at which the p-value of a calibration set, (sets, n), is that rank over n + 1; the low tail is odd."""
    return np.partition(values, rank - 1, axis=1)[:, rank - 1]


@pytest.fixture(scope="module", params=[1, 8], ids=["no windows", "windows"])
def calibrations(request, recordings):
    """Calibration sets: all windows, (sets, recordings · windows), and one of each recording, (sets, recordings)."""
    random = np.random.default_rng(0)
    values = recordings(random, SETS, GROUPS, request.param)
    groups = np.repeat(np.arange(GROUPS), request.param)
    every = values.reshape(SETS, -1)
    return every, np.stack([row[one_of_each(groups, random.random(len(groups)))] for row in every])


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_a_window_of_a_fresh_recording_is_called_an_anomaly_as_often_as_promised(calibrations, alpha):
    every, drawn = calibrations
    rates = norm.cdf(thresholds(drawn, int(alpha * (GROUPS + 1))))  # of all fresh windows, exactly, by calibration set
    assert rates.mean() <= alpha + 3 * rates.std() / np.sqrt(SETS)
    n = every.shape[1]
    of_all = norm.cdf(thresholds(every, int(alpha * (n + 1))))
    assert of_all.mean() == pytest.approx(alpha, rel=0.15)  # on average windows do no harm; but of a single set:


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_pac_counts_groups(calibrations, alpha):
    every, drawn = calibrations
    broken = norm.cdf(thresholds(drawn, pac_rank(alpha, GROUPS))) > alpha
    noise = 3 * np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / SETS)
    assert broken.mean() <= 1 - CONFIDENCE + noise
    n = every.shape[1]
    of_all = norm.cdf(thresholds(every, pac_rank(alpha, n))) > alpha
    assert (of_all.mean() > 0.15) == (n > GROUPS)


def test_fresh_recordings_are_marked_no_oftener_than_promised(calibrations):
    _, drawn = calibrations
    marked = []
    for calibration, fresh in zip(drawn[::2], drawn[1::2], strict=True):
        p = p_values("low", np.sort(calibration), fresh)
        marked.append(any(row.too_many for row in false_alarms(p, GROUPS, ALPHAS, len(ALPHAS))))
    assert sum(marked) <= CHANCE * len(marked) + 4 * np.sqrt(CHANCE * len(marked))


def test_every_item_of_a_group_is_as_likely_to_be_drawn():
    groups = np.array(["b", "a", "b", "c", "a", "b"])
    random = np.random.default_rng(0)
    drawn = [one_of_each(groups, random.random(6)) for _ in range(3000)]
    assert all(sorted(groups[places]) == ["a", "b", "c"] and (np.diff(places) > 0).all() for places in drawn)
    counts = np.bincount(np.concatenate(drawn), minlength=6)
    np.testing.assert_allclose(counts, 3000 / np.array([3, 2, 3, 1, 2, 3]), atol=100)


def test_the_same_items_are_drawn_alike_and_others_are_not():
    groups, values = np.repeat([0, 1], 50), np.arange(100.0)
    draws = [one_of_each(groups, drawn_by(values + shift).random(100)).tolist() for shift in (0, 0, 1, 2)]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) == 3
