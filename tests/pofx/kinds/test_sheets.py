"""Pictures: every image is on the sheet unharmed, and a heat map orders pixels by surprise."""

import numpy as np
import pytest

from pofx.kinds.sheets import contact_sheet, envelope_with_heat, envelopes, heat_map


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


@pytest.mark.parametrize("length", [10, 256, 1000])
def test_an_envelope_reaches_from_the_least_to_the_largest_sample(length):
    silence, loud = np.zeros(length, np.int16), np.tile(np.array([-(2**15), 2**15 - 1], np.int16), length // 2)
    drawn = envelopes(np.stack([silence, loud]))[..., 0] > 100
    assert (drawn[0].any(axis=0) & (drawn[0].sum(axis=0) <= 2)).all()  # a line in the middle
    assert drawn[0, drawn.shape[1] // 2 - 1 :].any(axis=0).all()
    if length == 1000:
        assert drawn[1].all()


def test_heat_stands_below_the_moment_it_belongs_to():
    surprise = np.zeros(512)
    surprise[300] = 4
    picture, low, high = envelope_with_heat(np.zeros(512, np.int16), surprise)
    assert (low, high) == (0, 2)  # the mean of the two samples of a column
    assert np.nonzero(picture[-1].any(axis=1))[0].tolist() == [150]
