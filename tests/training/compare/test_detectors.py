"""Every classic detector finds what is far away, and says so with a higher score."""

import numpy as np
import pytest

from training.compare.detectors import DETECTORS, known_methods
from training.errors import TrainingError


@pytest.mark.parametrize("name", DETECTORS)
def test_what_is_far_away_is_more_anomalous(name):
    random = np.random.default_rng(0)
    detector = DETECTORS[name](0)
    detector.fit(random.normal(size=(300, 3)))
    near, far = detector.score(random.normal(size=(50, 3))), detector.score(random.normal(size=(50, 3)) + 12)
    assert near.shape == (50,)
    assert near.dtype == np.float64
    assert np.quantile(near, 0.9) < np.median(far)


def test_a_detector_repeats_itself_for_a_seed():
    random = np.random.default_rng(0)
    rows, scores = random.normal(size=(200, 3)), []
    for seed in (1, 1, 2):
        detector = DETECTORS["IForest"](seed)
        detector.fit(rows)
        scores.append(detector.score(rows))
    np.testing.assert_array_equal(scores[0], scores[1])
    assert (scores[0] != scores[2]).any()


def test_unknown_detectors_are_named():
    assert known_methods([]) == tuple(DETECTORS)
    with pytest.raises(TrainingError, match="no classic detector 'SVM'; there is: IForest"):
        known_methods(["SVM"])
