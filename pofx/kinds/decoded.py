"""Items before and after they are decoded, whatever form they arrive in."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pofx import bundle
from pofx.kinds.columns import Columns
from pofx.rules.arrays import Array


@dataclass(frozen=True)
class Decoded:
    """Items of shape (batch, …) as the model takes them, what was changed on the way, and the columns of a table.

    ``files`` are the names of the files that were sent, one an item; empty where items are no files of their own.
    """

    array: Array
    notes: tuple[str, ...] = ()
    columns: Columns | None = None
    files: tuple[str, ...] = ()


class Payload(Protocol):
    """Items that are not decoded yet: how many, and how many bytes; ``count`` is known before anything is decoded."""

    @property
    def count(self) -> int:
        """Number of items; for text an upper bound."""
        ...

    @property
    def size(self) -> int:
        """Bytes to decode."""
        ...

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The items; raises RequestInvalid."""
        ...


def stacked(decoded: Sequence[tuple[Array, str | None]]) -> Decoded:
    """Single items with their notes as one batch; a note says how many items it is about."""
    notes = Counter(note for _, note in decoded if note is not None)
    if len(decoded) == 1:
        return Decoded(decoded[0][0][np.newaxis], tuple(notes))
    texts = tuple(f"{note} ({count} of {len(decoded)} items)" for note, count in notes.items())
    return Decoded(np.stack([values for values, _ in decoded]), texts)
