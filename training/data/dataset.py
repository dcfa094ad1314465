"""What every source returns, and what it becomes once split."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from training.errors import DataError


@dataclass(frozen=True)
class Dataset:
    """Raw items with optional labels.

    ``x`` holds images, uint8 (items, height, width, channels); rows, float32 (items, features), NaN where a value is
    missing, codes in columns with categories; recordings, int16 (items, time); or texts, uint8 codes (items, time)
    where code c > 0 is character c−1 of the alphabet and 0 the end. Items of one group (windows of one recording, say)
    always go to the same split. A source with an official test set gives it separately in ``test``; it is never mixed
    with the rest.
    """

    x: np.ndarray
    source: str
    licence: str
    labels: np.ndarray | None = None  # int64 (items,), indices into label_names
    label_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()  # of every column, in the order of their codes; () of numbers
    left_out: tuple[str, ...] = ()  # why columns of the source are not among the columns
    rate_hz: int | None = None  # of recordings
    alphabet: str | None = None  # of texts
    groups: np.ndarray | None = None  # int64 (items,)
    test: "Dataset | None" = None

    def __post_init__(self) -> None:
        """Refuses what no family could use: no items, wrong form, infinite values, columns without any value."""
        if len(self.x) == 0:
            raise DataError(f"{self.source}: no items")
        match self.kind:
            case "image":
                self._expect(self.x.dtype == np.uint8 and self.x.shape[3] in (1, 3), "uint8 images, 1 or 3 channels")
            case "audio":
                self._expect(self.x.dtype == np.int16 and self.x.ndim == 2, "int16 recordings")
            case "text":
                self._expect(self.x.dtype == np.uint8 and self.x.ndim == 2, "uint8 codes of texts")
            case "row":
                self._expect(self.x.dtype == np.float32 and self.x.ndim == 2, "float32 rows")
                self._refuse_infinite()
                self._refuse_empty_columns()

    def _expect(self, right: bool, form: str) -> None:
        if not right:
            raise DataError(f"{self.source}: expected {form}, got {self.x.dtype} of shape {self.x.shape}")

    def _refuse_infinite(self) -> None:
        if np.isinf(self.x).any():
            row, column = np.argwhere(np.isinf(self.x))[0]
            name = self._column(column)
            raise DataError(f"{self.source}: infinite value in row {row}, column {name}; remove it or leave it empty")

    def _refuse_empty_columns(self) -> None:
        empty = np.isnan(self.x).all(0)
        if empty.any():
            name = self._column(int(empty.argmax()))
            raise DataError(f"{self.source}: expected numbers in column {name}, got none; leave it out of `columns`")

    def _column(self, place: int) -> str:
        return self.columns[place] if self.columns else str(place)

    def categories_of(self, place: int) -> tuple[str, ...]:
        """The categories of a column; none of a column of numbers."""
        return self.categories[place] if self.categories else ()

    @property
    def kind(self) -> Literal["image", "row", "audio", "text"]:
        """What the items are."""
        if self.rate_hz is not None:
            return "audio"
        if self.alphabet is not None:
            return "text"
        return "image" if self.x.ndim == 4 else "row"

    @property
    def is_image(self) -> bool:
        """Whether the items are images."""
        return self.kind == "image"


@dataclass(frozen=True)
class Split:
    """The items of one split; labels are None for unlabelled data."""

    x: np.ndarray
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: np.ndarray | slice) -> "Split":
        """The items at these places."""
        return Split(self.x[index], None if self.labels is None else self.labels[index])

    @property
    def is_complete(self) -> np.ndarray:
        """Whether an item misses no value, bool (items,); only rows of a table can."""
        if self.x.dtype.kind != "f":
            return np.ones(len(self.x), dtype=bool)
        return ~np.isnan(self.x).any(1)

    def complete(self) -> "Split":
        """The items that miss no value; itself where none does."""
        kept = self.is_complete
        return self if kept.all() else self.take(kept)


@dataclass(frozen=True)
class Splits:
    """Disjoint splits, and the items that are abnormal by the recipe's definition (never used to fit).

    ``held_out`` is drawn from the same pool as ``calibration``, so that a false-alarm rate measured on it is one the
    calibration promises something about. It is the test split itself, unless the source has an official test set: that
    one may come from elsewhere (MNIST's does: other writers).
    """

    fit: Split
    validation: Split
    calibration: Split
    held_out: Split
    test: Split
    anomalies: Split

    @property
    def parts(self) -> dict[str, Split]:
        """The distinct splits by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.has_official_test:
            return named
        del named["held_out"]
        return named

    @property
    def has_official_test(self) -> bool:
        """Whether the test split comes from the source rather than from the pool."""
        return self.test is not self.held_out

    def sizes(self) -> dict[str, int]:
        """Number of items per split."""
        return {name: len(part) for name, part in self.parts.items()}

    def map(self, change: Callable[[str, Split], Split]) -> "Splits":
        """The splits after a change to each distinct one, given its name."""
        changed = {name: change(name, part) for name, part in self.parts.items()}
        return Splits(**{"held_out": changed["test"], **changed})

    def complete(self) -> "Splits":
        """The items of every split that miss no value."""
        return self.map(lambda _, part: part.complete())

    def fingerprint(self) -> str:
        """SHA-256 over all items in split order: the same recipe on the same data gives the same value."""
        digest = hashlib.sha256()
        for name, part in self.parts.items():
            digest.update(f"{name}{part.x.dtype}{part.x.shape}".encode())
            digest.update(np.ascontiguousarray(part.x).data)
        return digest.hexdigest()
