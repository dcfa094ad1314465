"""The columns of the table that was sent, for an answer that repeats them."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[Any] | Sequence[str | None]
Extra = Literal["refuse", "keep"]


class Columns(Protocol):
    """Columns by name, in the order they came, all of one length."""

    def cells(self) -> Mapping[str, Cells]:
        """What CSV text shows."""
        ...

    def typed(self) -> Mapping[str, Any]:
        """What a table with types holds."""
        ...


@dataclass(frozen=True)
class PlainColumns:
    """Columns of numbers, each of shape (n,), or of names, None where one is missing."""

    values: Mapping[str, Cells]

    def cells(self) -> Mapping[str, Cells]:
        """The values."""
        return self.values

    def typed(self) -> Mapping[str, Any]:
        """The values."""
        return self.values


@dataclass(frozen=True)
class TextColumns:
    """Columns as they stood in a text, and as numbers where the model reads them."""

    texts: Mapping[str, Sequence[str]]
    numbers: Mapping[str, NDArray[np.float64]]

    def cells(self) -> Mapping[str, Cells]:
        """The text as it came."""
        return self.texts

    def typed(self) -> Mapping[str, Any]:
        """Numbers where the model reads them, else text."""
        return {**self.texts, **self.numbers}


def joined(own: Mapping[str, Any], found: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The own columns of the items, then those that were found; a name that is taken gets the prefix."""
    return {**own, **{_free_name(name, own, prefix): values for name, values in found.items()}}


def _free_name(name: str, taken: Container[str], prefix: str) -> str:
    """The name with the prefix before it as often as a column of the table has that name."""
    while name in taken:
        name = f"{prefix}_{name}"
    return name
