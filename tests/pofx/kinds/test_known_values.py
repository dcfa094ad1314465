"""Conditions: what is known arrives as it was sent, with 0 elsewhere, and every mistake is named."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.audio import encode_wav
from pofx.kinds.condition import Condition
from pofx.kinds.image import encode_png
from pofx.kinds.known_values import decode_known
from pofx.rules.known import Known

IMAGE = bundle.ImageSpec(height=2, width=3, channels=1)
COLOUR = bundle.ImageSpec(height=2, width=3, channels=3)
ROW = bundle.RowSpec(columns=tuple(bundle.Column(name=name, minimum=0, maximum=1) for name in "abc"))
AUDIO = bundle.AudioSpec(rate_hz=8000, length=5)
TEXT = bundle.TextSpec(alphabet="abc", length=4)
PIXELS = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)[..., np.newaxis]
MASK = [[1, 1, 0], [0, 1, 0]]


def b64(content):
    return base64.b64encode(content).decode()


def picture(array, form="PNG", mode=None):
    buffer = io.BytesIO()
    image = Image.fromarray(np.asarray(array, np.uint8))
    (image if mode is None else image.convert(mode)).save(buffer, form)
    return b64(buffer.getvalue())


def known(spec, **condition):
    found, notes = decode_known(Condition.model_validate(condition, strict=True), spec)
    return found.values.tolist(), found.mask.tolist(), notes


@pytest.mark.parametrize(
    "mask",
    [
        MASK,
        (np.array(MASK) == 1).tolist(),
        [[1.0, 1, False], [0, True, 0]],
        picture(np.array(MASK) * 255),
        picture(np.array(MASK)),
        picture(np.array(MASK) * 255, "BMP", "1"),
        picture(np.array(MASK)[..., np.newaxis] * [0, 0, 9]),
    ],
)
def test_every_form_of_a_mask_says_the_same(mask):
    expected = [[[10], [20], [0]], [[0], [50], [0]]]
    assert known(IMAGE, array=PIXELS[..., 0].tolist(), mask=mask) == (expected, MASK, ())
    assert known(IMAGE, image=b64(encode_png(PIXELS)), mask=mask) == (expected, MASK, ())


def test_a_pixel_is_known_with_all_its_colours():
    values, mask, notes = known(COLOUR, image=b64(encode_png(PIXELS)), mask=MASK)
    assert values == (PIXELS.repeat(3, axis=2) * np.array(MASK)[..., np.newaxis]).tolist()
    assert mask == MASK
    assert notes == ("colours converted from L to RGB",)


def test_columns_are_known_by_name():
    assert known(ROW, row={"c": 2.5, "a": 1}) == ([1, 0, 2.5], [1, 0, 1], ())
    assert known(ROW, row={}) == ([0, 0, 0], [0, 0, 0], ())
    assert known(ROW, array=[1, 5, 2.5], mask=[1, 0, 1]) == ([1, 0, 2.5], [1, 0, 1], ())


def test_sequences_are_known_from_their_beginning():
    assert known(AUDIO, array=[7, -8]) == ([7, -8, 0, 0, 0], [1, 1, 0, 0, 0], ())
    assert known(AUDIO, audio=b64(encode_wav(np.array([7, -8], np.int16), 8000))) == (
        [7, -8, 0, 0, 0],
        [1, 1, 0, 0, 0],
        (),
    )
    assert known(TEXT, text="ca") == ([3, 1, 0, 0], [1, 1, 0, 0], ())
    assert known(TEXT, text="") == ([0] * 4, [0] * 4, ())
    assert known(TEXT, array=[3, 0]) == ([3, 0, 0, 0], [1, 1, 0, 0], ())


def test_a_label_alone_says_nothing_of_values():
    assert decode_known(Condition(label="x"), IMAGE) == (None, ())


NAN = float("nan")


@pytest.mark.parametrize(
    ("spec", "condition", "key", "words"),
    [
        (IMAGE, {"array": [[0] * 3] * 2}, "mask", "expected a mask of shape (2, 3), 1 where values are known"),
        (IMAGE, {"array": [[0] * 3] * 2, "mask": [[1] * 3]}, "mask", "expected shape (2, 3), got (1, 3)"),
        (IMAGE, {"array": [[0] * 3] * 2, "mask": [[2] * 3] * 2}, "mask", "only 0 and 1"),
        (IMAGE, {"array": [[0] * 3] * 2, "mask": [["1"] * 3] * 2}, "mask", "only 0 and 1"),
        (IMAGE, {"array": [[0] * 3] * 2, "mask": [[None] * 3] * 2}, "mask", "only 0 and 1"),
        (IMAGE, {"array": [[0] * 3] * 2, "mask": [[1] * 3, [1]]}, "mask", "regular"),
        (IMAGE, {"array": [[0] * 3] * 2, "mask": "%"}, "mask", "not base64"),
        (IMAGE, {"array": [[0] * 3] * 2, "mask": picture(np.ones((3, 3)))}, "mask", "of 3x2 pixels, got 3x3"),
        (IMAGE, {"array": [[0] * 3] * 2, "mask": picture(MASK, "JPEG")}, "mask", "not an image of type PNG"),
        (IMAGE, {"array": [[0] * 3] * 2, "mask": picture(MASK, mode="LA")}, "mask", "without transparency"),
        (IMAGE, {"array": [[0] * 3] * 3, "mask": MASK}, "array", "expected shape (2, 3, 1), got (3, 3, 1)"),
        (IMAGE, {"array": [[True] * 3] * 2, "mask": MASK}, "array", "array of numbers"),
        (IMAGE, {"image": "aGk=", "mask": MASK}, "image", "not an image"),
        (IMAGE, {"row": {"a": 1}}, "row", "expected image or array, since this model makes images"),
        (IMAGE, {"text": "a"}, "text", "expected image or array"),
        (ROW, {"row": {"a": 1, "x": 2}}, "row", "no column 'x'; this model has: a, b, c"),
        (ROW, {"row": {"a": NAN}}, "row", "finite"),
        (ROW, {"row": {"a": 1e39}}, "row", "finite"),
        (ROW, {"array": [1, 2, 3]}, "mask", "expected a mask of shape (3,)"),
        (ROW, {"array": [1, 2], "mask": [1, 0, 0]}, "array", "expected shape (3,), got (2,)"),
        (ROW, {"array": [1, 2, 3], "mask": "aGk="}, "mask", "expected numbers"),
        (ROW, {"text": "a"}, "text", "expected row or array, since this model makes rows of a table"),
        (AUDIO, {"array": [0] * 5}, "array", "expected fewer elements than the 5"),
        (AUDIO, {"array": [[0]]}, "array", "got shape (1, 1)"),
        (AUDIO, {"array": [40000]}, "array", "integers from -32768 to 32767"),
        (
            AUDIO,
            {"array": [0], "mask": [1, 0, 0, 0, 0]},
            "mask",
            "of recordings is their beginning; leave the mask out",
        ),
        (AUDIO, {"audio": b64(encode_wav(np.zeros(5, np.int16), 8000))}, "audio", "expected fewer elements than the 5"),
        (AUDIO, {"audio": b64(encode_wav(np.zeros(2, np.int16), 4000))}, "audio", "the header of the file says 4000"),
        (AUDIO, {"audio": b64(b"RIFF")}, "audio", "not a WAV file"),
        (TEXT, {"text": "abca"}, "text", "expected fewer elements than the 4"),
        (TEXT, {"text": "ax"}, "text", "character 'x' at position 1 is none"),
        (TEXT, {"array": [4]}, "array", "expected codes from 0 to 3"),
        (TEXT, {"array": [0, 1]}, "array", "only zeros after"),
    ],
)
def test_what_cannot_be_known_is_refused_where_it_stands(spec, condition, key, words):
    with pytest.raises(RequestInvalid) as refused:
        known(spec, **condition)
    assert words in refused.value.detail
    assert refused.value.extra["errors"][0]["pointer"] == f"/condition/{key}"


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"colour": 1}, "no key 'colour' in a condition; it can have: label, attributes, code, source, target"),
        ({"text": "a", "row": {"a": 1}}, "expected at most one of image, array, row, audio, text, got row and text"),
        ({"mask": [[1]]}, "a mask goes with an image or an array"),
        ({"mask": [[1]], "text": "a"}, "a mask goes with"),
        ({"mask": 1, "array": [1]}, "expected a picture in base64, or nested lists"),
        ({"label": True}, "expected the name of a label"),
        ({"label": []}, "expected the name of a label"),
        ({"label": [None]}, "expected the name of a label"),
        ({"label": {"a": 1}}, "expected the name of a label"),
    ],
)
def test_what_is_no_condition_is_refused(condition, words):
    with pytest.raises(ValidationError) as refused:
        Condition.model_validate(condition, strict=True)
    assert words in str(refused.value)


def test_known_values_are_put_back_and_nothing_else_is_touched():
    drawn = np.full((5, 2, 3, 3), 9, np.uint8)
    values = np.broadcast_to(PIXELS, (2, 3, 3))
    kept = Known(values, np.array(MASK, np.uint8)).keep(drawn)
    assert kept.dtype == np.uint8
    for place in np.ndindex(2, 3):
        expected = values[place] if MASK[place[0]][place[1]] else [9, 9, 9]
        assert (kept[:, place[0], place[1]] == expected).all()
