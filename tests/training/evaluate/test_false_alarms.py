"""The band of a false-alarm rate holds, by simulation."""

import numpy as np

from pofx.rules.conformal import p_values
from training.evaluate.false_alarms import false_alarms


def test_the_band_holds_nine_times_in_ten():
    random = np.random.default_rng(2)
    inside = []
    for _ in range(600):
        calibration = np.sort(random.normal(size=400))
        p = p_values("low", calibration, random.normal(size=300))
        inside += [row.as_promised for row in false_alarms(p, 400, [0.05])]
    assert np.mean(inside) >= 0.88  # discrete: at least the nominal 0.90, less three standard errors


def test_an_alpha_that_the_calibration_cannot_support_has_no_row():
    assert [row.alpha for row in false_alarms(np.ones(10), 50, [0.01, 0.05])] == [0.05]
