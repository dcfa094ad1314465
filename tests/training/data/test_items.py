"""Whatever is selected, ordered or split: all that is known about an item stays with it."""

from dataclasses import fields, replace

import numpy as np
import pytest

from training.data import Dataset, Items, fingerprint, split
from training.data.splits import SplitOptions, sliver

KNOWN = [field.name for field in fields(Items)]


def items(count: int, groups: int = 7) -> Items:
    """Items of which every field tells the number."""
    number = np.arange(count)
    x = np.stack([number, np.where(number % 5 == 0, np.nan, number)], 1).astype(np.float32)
    text = number.astype(str)
    return Items(
        x=x,
        labels=number * 2,
        groups=number % groups,
        attributes=np.stack([number, number * 3], 1).astype(np.float32),
        captions=np.char.add("caption ", text),
        domains=number * 5,
        names=np.char.add("file ", text),
    )


def dataset(count: int, **changes: object) -> Dataset:
    known = {name: getattr(items(count), name) for name in KNOWN}
    names = tuple(map(str, range(2 * count)))
    return Dataset(**{"source": "s", "licence": "l", "columns": ("a", "b"), "label_names": names, **known, **changes})


def check_together(part: Items, whole: Items) -> None:
    """Every field of every item is that of the same item as its x."""
    places = part.x[:, 0].astype(int)
    assert part.known().keys() == whole.known().keys()
    for name, array in part.known().items():
        np.testing.assert_array_equal(array, getattr(whole, name)[places])


@pytest.mark.parametrize(
    "index",
    [slice(3), slice(None, None, -2), np.array([5, 0, 5]), np.arange(20) % 3 == 0, np.zeros(20, dtype=bool)],
)
def test_all_that_is_known_stays_together(index):
    whole = items(20)
    part = whole.take(index)
    assert len(part) == len(whole.x[index])
    check_together(part, whole)
    check_together(whole.take(np.random.default_rng(0).permutation(20)), whole)


def test_complete_items_keep_what_is_known_of_them():
    whole = items(20)
    assert len(whole.complete()) == 16
    check_together(whole.complete(), whole)
    changed = whole.with_x(whole.x + 1)
    assert all(getattr(changed, name) is getattr(whole, name) for name in KNOWN if name != "x")


@pytest.mark.parametrize("name", [name for name in KNOWN if name != "x"])
def test_a_field_has_a_row_for_every_item(name):
    with pytest.raises(ValueError, match=f"expected {name} of 20 items, got 19"):
        replace(items(20), **{name: getattr(items(20), name)[:-1]})


@pytest.mark.parametrize("normal", [(), tuple(str(2 * number) for number in range(0, 60, 2))])
def test_splits_keep_everything_and_tear_no_group_apart(normal):
    whole = dataset(60, labels=np.arange(60) * 2)
    found = split(whole, SplitOptions(), seed=1, normal=normal)
    assert sum(found.sizes().values()) == 60
    for part in [*found.parts.values(), *sliver(found, 5, 3).parts.values()]:
        check_together(part, whole.items)
    pool = [set(part.groups) for name, part in found.parts.items() if name != "anomalies"]
    assert sum(map(len, pool)) == len(set.union(*pool))


def test_an_official_test_set_keeps_what_is_known_too():
    whole = dataset(60, test=dataset(10))
    check_together(split(whole, SplitOptions(), seed=1).test, whole.items)


def _fingerprint(data: Dataset) -> str:
    return fingerprint(data, split(data, SplitOptions(), seed=1))


@pytest.mark.parametrize("name", KNOWN)
def test_a_fingerprint_covers_everything_that_is_known(name):
    array = getattr(items(60), name).copy()
    array[7] = array[8]
    if name == "groups":
        array = array[::-1].copy()
    assert _fingerprint(dataset(60)) == _fingerprint(dataset(60))
    assert _fingerprint(dataset(60)) != _fingerprint(dataset(60, **{name: array}))


@pytest.mark.parametrize(
    "change",
    [{"columns": ("a", "c")}, {"label_names": tuple(map(str, range(1, 121)))}, {"categories": ((), ("x", "y"))}],
)
def test_a_fingerprint_covers_what_numbers_mean_and_not_where_they_lie(change):
    assert _fingerprint(dataset(60)) != _fingerprint(dataset(60, **change))
    assert _fingerprint(dataset(60)) == _fingerprint(dataset(60, source="elsewhere", licence="other"))
