"""Items before and after they are decoded, whatever form they arrive in."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from pofx import bundle
from pofx.kinds.columns import Columns, PlainColumns
from pofx.kinds.faults import REFUSE, Errors, Faults
from pofx.kinds.place import Place
from pofx.rules.arrays import Array


@dataclass(frozen=True)
class Decoded:
    """Items of shape (batch, …) as the model takes them, what was changed on the way, and the columns of a table.

    ``files`` are the names of the files that were sent, one an item; empty where items are no files of their own.
    ``groups`` name what each item belongs to; empty where nothing is said. What stands in the place of an item with
    ``faults`` means nothing.
    """

    array: Array
    notes: tuple[str, ...] = ()
    columns: Columns | None = None
    files: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    faults: Faults = REFUSE


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

    def decode(self, spec: bundle.InputSpec, errors: Errors = "refuse") -> Decoded:
        """The items; raises RequestInvalid for what is wrong with all of them, or with any that is to be refused."""
        ...


_MOST_ALIKE, _NUMBER = 3, re.compile(r"\d+")

Single = tuple[Array, str | None]
"""An item, and a note of what was changed about it."""


def stacked(
    count: int,
    decode: Callable[[int], Single],
    spec: bundle.InputSpec,
    place: Callable[[int], Place],
    errors: Errors = "refuse",
) -> Decoded:
    """Single items by their index as one batch with their notes; a note says how many items it is about."""
    faults, found = Faults(errors), []
    for index in range(count):
        here, item = place(index), None
        with faults.of(index, here):
            item = decode(index)
        found.append(item or (np.zeros(spec.shape, bundle.DATA_DTYPES[spec.kind]), None))
    return Decoded(np.stack([values for values, _ in found]), _counted(found), faults=faults)


def _counted(found: Sequence[Single]) -> tuple[str, ...]:
    """The notes with their counts; many that differ in their numbers only are one."""
    notes = Counter(note for _, note in found if note is not None)
    if len(found) == 1:
        return tuple(notes)
    alike: dict[str, list[str]] = {}
    for note, _ in notes.most_common():
        alike.setdefault(_NUMBER.sub("", note), []).append(note)
    texts: dict[str, int] = {}
    for first, *others in alike.values():
        if len(others) < _MOST_ALIKE:
            texts |= {note: notes[note] for note in (first, *others)}
        else:
            texts[f"{first}, or with other numbers"] = sum(notes[note] for note in (first, *others))
    return tuple(f"{text} ({count} of {len(found)} items)" for text, count in texts.items())


def named(decoded: Decoded, files: tuple[str, ...]) -> Decoded:
    """Items that are files of those names, which a table says in a column."""
    return replace(decoded, columns=PlainColumns({"file": files}), files=files)
