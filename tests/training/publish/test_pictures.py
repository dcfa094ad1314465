"""A picture never costs a bundle."""

import numpy as np

from training.evaluate.pictures import marginals
from training.publish import pictures as drawing
from training.publish.pictures import pictures


def test_a_picture_that_cannot_be_drawn_is_left_out_with_a_word(experiment, monkeypatch):
    monkeypatch.delattr(drawing, "marginals")
    said: list[str] = []
    assert pictures(experiment("gmm"), [], said.append).files == {}
    assert len(said) == 1
    assert "the picture of samples is left out" in said[0]


def test_columns_far_from_zero_have_a_histogram():
    counter = 123_456_789 + np.random.default_rng(0).integers(-3, 4, (200, 1)).astype(np.float32)
    assert marginals(counter, counter, ("counter",)).startswith(b"\x89PNG")
