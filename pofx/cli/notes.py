"""What blocks say about their items, as what is to be said about all of them."""

import re
from collections.abc import Iterable

_COUNTED = re.compile(r"\b(\d+) of \d+ (items|rows)\b")
_HERE = "\0"


class Notes:
    """Notes of blocks; those that differ in nothing but counts are one, with their sum."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def take(self, notes: Iterable[str]) -> None:
        """Takes the notes of a block."""
        for note in notes:
            found = _COUNTED.search(note)
            key = _COUNTED.sub(f"{_HERE} \\2", note, count=1)
            self._counts[key] = self._counts.get(key, 0) + (int(found[1]) if found else 0)

    def texts(self, items: int) -> list[str]:
        """The notes about that many items."""
        return [key.replace(_HERE, f"{count:,} of {items:,}") for key, count in self._counts.items()]
