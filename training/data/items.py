"""Items and everything known about them, as one value: whatever selects or orders them, rows stay together."""

from dataclasses import dataclass, fields, replace

import numpy as np

from pofx.rules.groups import one_of_each

_DRAWN_BY = 0  # the seed of what calibrates and is counted


@dataclass(frozen=True)
class Items:
    """Arrays with one row per item; those that a source does not have are None.

    ``x``: raw items, as ``Dataset`` says. ``labels`` and ``domains``: indices into names, int64 (items,). ``groups``:
    what must not be torn apart, the recording of a window for instance, int64 (items,). ``attributes``: float32 (items,
    attributes). ``captions`` and ``names`` (of files): text (items,).
    """

    x: np.ndarray
    labels: np.ndarray | None = None
    groups: np.ndarray | None = None
    attributes: np.ndarray | None = None
    captions: np.ndarray | None = None
    domains: np.ndarray | None = None
    names: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Refuses arrays that do not have a row for every item."""
        for name, array in self.known().items():
            if len(array) != len(self.x):
                raise ValueError(f"expected {name} of {len(self.x)} items, got {len(array)}")

    def __len__(self) -> int:
        return len(self.x)

    def known(self) -> dict[str, np.ndarray]:
        """The arrays that are there, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in found.items() if array is not None}

    def take(self, index: np.ndarray | slice) -> "Items":
        """The items at these places, with all that is known about them."""
        return Items(**{name: array[index] for name, array in self.known().items()})

    def joined(self, other: "Items") -> "Items":
        """These items, then the others, with what is known about both."""
        mine, theirs = self.known(), other.known()
        return Items(**{name: np.concatenate([mine[name], theirs[name]]) for name in mine if name in theirs})

    def with_x(self, x: np.ndarray) -> "Items":
        """The same items in another form."""
        return replace(self, x=x)

    @property
    def are_grouped(self) -> bool:
        """Whether several items belong together."""
        return self.groups is not None and len(np.unique(self.groups)) < len(self)

    @property
    def drawn(self) -> np.ndarray:
        """The places of one item of every group, drawn at random, ascending: what promises are about; else of all."""
        if self.groups is None:
            return np.arange(len(self))
        return one_of_each(self.groups, np.random.default_rng(_DRAWN_BY).random(len(self)))

    @property
    def is_complete(self) -> np.ndarray:
        """Whether an item misses no value, bool (items,); only rows of a table can."""
        if self.x.dtype.kind != "f":
            return np.ones(len(self.x), dtype=bool)
        return ~np.isnan(self.x).any(1)

    def complete(self) -> "Items":
        """The items that miss no value; itself where none does."""
        kept = self.is_complete
        return self if kept.all() else self.take(kept)
