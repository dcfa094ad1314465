"""The reason names the place where the surprise was put, for every kind of data."""

import numpy as np

from pofx import bundle
from pofx.use.reasons import reasons

ROWS = bundle.RowSpec(
    columns=tuple(bundle.Column(name=name, minimum=0, maximum=1) for name in ("heat", "flow", "noise", "age")),
    missing="marginalised",
)


def test_columns_come_with_the_oddest_first_and_missing_ones_never():
    items = np.array([[1, 2, 3, 4], [1, np.nan, 3, 4]], np.float32)
    surprise = np.array([[0.5, 9, 1, 2], [0.5, 9, 1, 2.0]])
    found = reasons(ROWS, items, surprise).tolist()
    assert found == ["flow (9), age (2), noise (1)", "age (2), noise (1), heat (0.5)"]


def test_a_value_that_is_impossible_comes_first():
    found = reasons(ROWS, np.ones((1, 4), np.float32), np.array([[1, np.inf, 2, np.nan]]))
    assert found[0].startswith("noise") is False
    assert found[0].split(" (")[0] in ("age", "flow")


def test_the_block_of_an_image_holds_the_scratch():
    spec = bundle.ImageSpec(height=28, width=20, channels=3)
    surprise = np.zeros((1, 28, 20, 3))
    surprise[0, 13, 19] = 2
    (found,) = reasons(spec, np.zeros((1, 28, 20, 3), np.uint8), surprise)
    assert found == "rows 12 to 15, columns 18 to 19 (6)"


def test_a_click_is_where_it_is_in_a_recording():
    spec = bundle.AudioSpec(rate_hz=1000, length=95)
    surprise = np.zeros((1, 95))
    surprise[0, 93] = 5
    assert reasons(spec, np.zeros((1, 95), np.int16), surprise)[0].startswith("0.09 to 0.10 s (5)")


def test_characters_and_the_end_of_a_text():
    spec = bundle.TextSpec(alphabet="abn", length=5)
    codes, surprise = np.array([[2, 1, 3, 0, 0]], np.uint8), np.array([[1, 4, 2, 3, 0.5]])
    assert reasons(spec, codes, surprise)[0] == "'a' at 1 (4), the end at 3 (3.5), 'n' at 2 (2)"
