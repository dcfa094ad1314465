"""What blocks say about their items, as what is to be said about all of them."""

import re
from collections.abc import Iterable

_COUNTED = re.compile(r"\b(\d+)( of \d+)? (items?|rows?)\b")
_HERE, _OF_ALL = "\0", "\0 of all"


class Notes:
    """Notes of blocks; those that differ in nothing but counts are one, with their sum."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def take(self, notes: Iterable[str]) -> None:
        """Takes the notes of a block."""
        for note in notes:
            found = _COUNTED.search(note)
            key = _COUNTED.sub(_with_places, note, count=1)
            self._counts[key] = self._counts.get(key, 0) + (int(found[1]) if found else 0)

    def texts(self, items: int) -> list[str]:
        """The notes about that many items."""
        return [
            key.replace(_OF_ALL, f"{count:,} of {items:,}").replace(_HERE, f"{count:,}")
            for key, count in self._counts.items()
        ]


def _with_places(found: re.Match[str]) -> str:
    """The words of a count, with a mark where the sum of all blocks belongs."""
    return f"{_OF_ALL if found[2] else _HERE} {found[3].removesuffix('s')}s"
