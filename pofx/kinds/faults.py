"""What is wrong with single items among many: they are refused with all others, or each keeps its reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pofx.errors import PofxError, RequestInvalid, TooLarge
from pofx.kinds.place import Place
from pofx.rules.arrays import Array

Errors = Literal["refuse", "row"]
"""Whether one wrong item refuses all of a request or file, or only gets its reason."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Faults:
    """The reasons of items by their index: ``wrong`` could not be read, ``unseen`` hold what training never saw.

    Neither are given to a model. What is refused is never kept, so that one value without errors can serve all.
    """

    errors: Errors = "refuse"
    wrong: dict[int, str] = field(default_factory=dict)
    unseen: dict[int, str] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether an item keeps its reason, and the others are answered."""
        return self.errors == "row"

    @property
    def reasons(self) -> dict[int, str]:
        """Of every item that is not given to the model, the reason."""
        return {**self.unseen, **self.wrong}

    def take(self, index: int, place: Place, error: PofxError) -> None:
        """Keeps the first reason of an item, without the words for its place; raises the error if it is refused."""
        if not self.kept:
            raise error
        self.unseen.pop(index, None)
        self.wrong.setdefault(index, error.detail.removeprefix(place.name).lstrip(",: "))

    def take_unseen(self, index: int, column: str, value: str) -> None:
        """Keeps that a column of an item holds a category which is none of the model's."""
        if index not in self.wrong:
            self.unseen.setdefault(index, f"column {column!r}: unseen value {value!r}")

    @contextmanager
    def of(self, index: int, place: Place) -> Iterator[None]:
        """What is wrong with an item within is taken, and the block ends there."""
        try:
            yield
        except (RequestInvalid, TooLarge) as error:
            self.take(index, place, error)

    def sound(self, items: int) -> Mask:
        """Which of the items are given to the model, (items,)."""
        found = np.ones(items, np.bool_)
        found[list(self.reasons)] = False
        return found

    def readable(self, values: Array) -> Array:
        """The values of the items that could be read; the array itself if all could."""
        return np.delete(values, list(self.wrong), axis=0) if self.wrong else values

    def without(self, items: Array) -> Array:
        """The items that are given to the model; the array itself if all are."""
        return items[self.sound(len(items))] if self.reasons else items

    def among_all(self, values: Array, items: int) -> Array:
        """What was found of the sound items, (sound, …), for all, (items, …): not a number, or false, for others."""
        if not self.reasons:
            return values
        fill = False if values.dtype == np.bool_ else np.nan
        found = np.full((items, *values.shape[1:]), fill, values.dtype)
        found[self.sound(items)] = values
        return found

    def shifted(self, first: int) -> "Faults":
        """The same, of items that follow so many others."""
        moved = ({first + index: words for index, words in found.items()} for found in (self.wrong, self.unseen))
        return Faults(self.errors, *moved)

    def reasons_of(self, items: int) -> list[str | None]:
        """Why an item is not given to the model, None where it is, for every item."""
        reasons = self.reasons
        return [reasons.get(index) for index in range(items)]

    def errors_of(self, items: int) -> list[str | None]:
        """Why an item could not be read, None where it was, for every item."""
        return [self.wrong.get(index) for index in range(items)]

    def unseen_of(self, items: int) -> list[str | None]:
        """Which unseen value an item holds, None where it holds none, for every item."""
        return [self.unseen.get(index) for index in range(items)]


REFUSE = Faults()
"""Every wrong item is refused."""
