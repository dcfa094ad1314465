"""What every source returns."""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from pofx.rules.groups import UNNAMED
from training.data.items import Items
from training.errors import DataError


@dataclass(frozen=True)
class Dataset:
    """Raw items, what is known about each of them, and what they are.

    ``x`` holds images, uint8 (items, height, width, channels); rows, float32 (items, features), NaN where a value is
    missing, codes in columns with categories; recordings, int16 (items, time); or texts, uint8 codes (items, time)
    where code c > 0 is character c−1 of the alphabet and 0 the end. What is known about each item is as in ``Items``;
    items of one group (windows of one recording, say) always go to the same split. A source with an official test set
    gives it separately in ``test``; it is never mixed with the rest.
    """

    x: np.ndarray
    source: str
    licence: str
    labels: np.ndarray | None = None  # int64 (items,), indices into label_names
    label_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()  # of every column, in the order of their codes; () of numbers
    left_out: tuple[str, ...] = ()  # why columns of the source are not among the columns
    notes: tuple[str, ...] = ()  # what else a person should know of how the source was read; it may hold values
    rate_hz: int | None = None  # of recordings
    alphabet: str | None = None  # of texts
    groups: np.ndarray | None = None  # int64 (items,)
    attributes: np.ndarray | None = None  # float32 (items, attributes)
    captions: np.ndarray | None = None  # text (items,)
    domains: np.ndarray | None = None  # int64 (items,)
    names: np.ndarray | None = None  # text (items,), of files
    grouped_by: str = UNNAMED  # what a group is, in words
    resized: bool = False  # whether picture files of any size were brought to this one
    test: "Dataset | None" = None
    defects: Items | None = None  # anomalies that lie apart from the items

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

    @property
    def items(self) -> Items:
        """The items with all that is known about them."""
        return Items(**{field.name: getattr(self, field.name) for field in fields(Items)})

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
