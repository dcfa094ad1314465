"""Names above histograms can be read: in a font that has their letters, or in the caption; nothing warns."""

import io
import warnings
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image

from training.data import Dataset
from training.evaluate import titles as room
from training.evaluate.pictures import marginals
from training.evaluate.titles import titles, told
from training.publish.pictures import pictures

KOREAN = ("온도", "유량")


@pytest.fixture
def only_usual_fonts(monkeypatch):
    """As on a machine that has the fonts of the library alone, none of which has Korean letters."""
    usual = font_manager.findfont(font_manager.FontProperties())
    monkeypatch.setattr(room, "_others", lambda: (usual,))


def drawn(names):
    values = np.random.default_rng(0).standard_normal((50, len(names))).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.asarray(Image.open(io.BytesIO(marginals(values, values, tuple(names)))))


def test_names_without_a_font_stand_in_the_caption(only_usual_fonts):
    names = (KOREAN[0], "flow", KOREAN[1], "a\tb")
    assert [title.text for title in titles(names)] == ["column 1", "flow", "column 3", "column 4"]
    assert told(names) == " (column 1: 온도, column 3: 유량, column 4: a b)"
    assert told(("flow", "température", "Größe")) == ""


def test_a_name_is_drawn_in_a_font_that_has_its_letters():
    usual = room._letters(font_manager.findfont(font_manager.FontProperties()))
    file, letter = next((file, min(extra)) for file in room._others() if (extra := room._letters(file) - usual))
    (title,) = titles([chr(letter)])
    assert title.text == chr(letter)
    assert title.font.get_file() == file
    assert told([chr(letter)]) == ""


@pytest.mark.parametrize("names", [KOREAN, ("cost $a$ in $", "a_b^{"), ("a\tb", "a\nb"), ("\U000e0041", "👍")])
def test_any_name_is_drawn_without_a_warning(names):
    assert drawn(names).ndim == 2


def test_a_font_that_only_has_boxes_counts_for_none():
    assert not any("lastresort" in file.lower() for file in room._others())
    assert room._letters("no such file") == frozenset()


def test_the_caption_of_a_card_names_the_columns(experiment, only_usual_fonts):
    prepared = experiment("gmm")
    columns = tuple(KOREAN[place % 2] + str(place) for place in range(len(prepared.dataset.columns)))
    dataset: Dataset = replace(prepared.dataset, columns=columns)
    found = pictures(replace(prepared, dataset=dataset), [], pytest.fail)
    assert f"column 1: {columns[0]}" in found.captions["samples.png"]
