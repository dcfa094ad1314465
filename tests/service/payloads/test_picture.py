"""Pictures: every image is on the sheet unharmed, and a heat map orders pixels by surprise."""

import numpy as np
import pytest

from service.payloads.picture import contact_sheet, heat_map


@pytest.mark.parametrize("count", [1, 2, 5, 16, 17])
def test_every_image_is_on_the_sheet(count):
    images = np.random.default_rng(0).integers(0, 256, (count, 6, 5, 3)).astype(np.uint8)
    sheet = contact_sheet(images)
    factor = 112 // 6
    columns = int(np.ceil(np.sqrt(count)))
    for place, image in enumerate(images):
        top, left = place // columns * (6 * factor + 2) + 2, place % columns * (5 * factor + 2) + 2
        tile = sheet[top : top + 6 * factor : factor, left : left + 5 * factor : factor]
        assert np.array_equal(tile, image)


def test_a_sheet_of_many_large_images_stays_bounded():
    assert contact_sheet(np.zeros((1000, 28, 28, 1), np.uint8)).size < 20_000_000


def test_brightness_grows_with_surprise():
    colours, low, high = heat_map(np.linspace(-3, 9, 49).reshape(7, 7))
    brightness = colours.astype(int).sum(axis=2).ravel()
    assert (np.diff(brightness) > 0).all()
    assert (low, high) == (-3, 9)


def test_constant_and_infinite_surprise_are_drawn():
    assert heat_map(np.zeros((2, 2)))[0].max() == 0
    colours, low, high = heat_map(np.array([[1.0, 2.0], [np.inf, np.nan]]))
    assert (low, high) == (1.0, 2.0)
    assert (colours[1] == 255).all()
