"""Where a value stands in a request, for the words that refuse it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pofx.errors import RequestInvalid, TooLarge


@dataclass(frozen=True, slots=True)
class Place:
    """``name`` for people, ``pointer`` as a JSON pointer, and the index if it is one of the items."""

    name: str
    pointer: str
    index: int | None = None

    def refusal(self, problem: str, **extra: Any) -> RequestInvalid:
        """The error that says what is wrong here."""
        return RequestInvalid(f"{self.name}: {problem}", pointer=self.pointer, index=self.index, **extra)

    def column(self, name: str, key: object = None) -> "Place":
        """A column of a row here, under its key in JSON if there is one."""
        pointer = self.pointer if key is None else f"{self.pointer}/{key}"
        return Place(f"{self.name}, column {name!r}", pointer, self.index)

    def too_large(self, problem: str) -> TooLarge:
        """The error for what is over a limit here."""
        return TooLarge(f"{self.name}: {problem}", **({} if self.index is None else {"index": self.index}))


def item(index: int) -> Place:
    """The item with that index."""
    return Place(f"item {index}", f"/inputs/{index}", index)


def condition(key: str) -> Place:
    """A member of the condition of a generate request."""
    return Place(f"condition.{key}", f"/condition/{key}")


def source(index: int) -> Place:
    """A source of a generate request."""
    return Place(f"condition.source {index}", f"/condition/source/{index}")


def items_from(first: int) -> Callable[[int], Place]:
    """The places of the items of a block, of which the first is the item ``first``."""
    return lambda index: item(first + index)


def row(index: int) -> Place:
    """The row of a table of text with that index."""
    return Place(f"row {index}", f"/inputs/{index}", index)
