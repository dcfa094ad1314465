"""Made-up defects are visible, small, in every image, and the same for the same seed."""

import numpy as np
import pytest

from training.made_up import with_defects


def images(height, width, channels, count=60):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 20, 3)])
def test_every_image_has_one_small_defect(shape):
    before = images(*shape)
    kept = before.copy()
    after = with_defects(before, seed=1)
    assert np.array_equal(before, kept)
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    share = (after != before).any(axis=3).mean(axis=(1, 2))
    assert (share > 0).all()
    assert (share <= 0.2).all()
    assert np.array_equal(after, with_defects(before, seed=1))
    assert not np.array_equal(after, with_defects(before, seed=2))


def test_spots_and_scratches_are_seen_on_black_and_on_white():
    for level in (0, 255):
        plain = np.full((6, 16, 16, 1), level, np.uint8)
        contrast = np.abs(with_defects(plain, seed=0).astype(int) - level).max(axis=(1, 2, 3))
        assert (contrast[[1, 2, 4, 5]] >= 48).all()
