"""Conditions: a label is an index, and completion is exact only where that can be proved."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.use.conditions import exactness
from pofx.use.labels import places_of

LABELS = ("0", "3", "cat")
RASTER, MIXED = bundle.KnownCondition(kind="raster"), bundle.KnownCondition(kind="mixed")


@pytest.mark.parametrize(
    ("chosen", "indices"),
    [
        ("cat", [2, 2]),
        (3, [1, 1]),
        (3.0, [1, 1]),
        ("3", [1, 1]),
        (["cat", 0], [2, 0]),
    ],
)
def test_a_label_is_its_place(chosen, indices):
    found = places_of(LABELS, chosen, 2, "/condition/label", "label")
    assert found.tolist() == indices
    assert found.dtype == np.int64


@pytest.mark.parametrize("chosen", ["dog", 1, 3.5, -0.5, float("inf"), ["cat", "Cat"]])
def test_another_label_is_refused_with_those_there_are(chosen):
    with pytest.raises(RequestInvalid) as refused:
        places_of(LABELS, chosen, 2, "/condition/label", "label")
    assert "this model has: 0, 3, cat" in refused.value.detail
    assert refused.value.extra["labels"] == list(LABELS)


def test_many_labels_are_not_all_listed():
    with pytest.raises(RequestInvalid, match="48, 49 and 150 more") as refused:
        places_of(tuple(map(str, range(200))), "x", 1, "/condition/label", "label")
    assert len(refused.value.extra["labels"]) == 50


@given(st.permutations(range(6)), st.lists(st.booleans(), min_size=6, max_size=6))
def test_exact_means_that_no_known_position_comes_after_an_unknown_one(order, known):
    completion = bundle.KnownCondition(kind="listed", order=tuple(order))
    late = any(not known[a] and known[b] for a, b in itertools.combinations(order, 2))
    expected = None if not any(known) else "approximate" if late else "exact"
    assert exactness(completion, np.array(known, np.uint8)) == expected


def test_raster_is_the_order_of_reading():
    assert exactness(RASTER, np.array([[1, 1, 1], [1, 0, 0]], np.uint8)) == "exact"
    assert exactness(RASTER, np.array([[1, 0, 0], [1, 0, 0]], np.uint8)) == "approximate"


@pytest.mark.parametrize(("known", "expected"), [([0, 0], None), ([0, 1], "exact"), ([1, 1], "exact")])
def test_without_an_order_whatever_is_known_is_exact(known, expected):
    assert exactness(bundle.KnownCondition(kind="any"), np.array(known, np.uint8)) == expected


@pytest.mark.parametrize(("known", "expected"), [([0, 0], None), ([1, 0], "approximate"), ([1, 1], "exact")])
def test_mixed_orders_are_exact_only_if_nothing_is_left_to_draw(known, expected):
    assert exactness(MIXED, np.array(known, np.uint8)) == expected
