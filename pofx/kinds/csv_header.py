"""The header line of a CSV text: which columns have a name, by the same rules for all that read one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pofx.errors import RequestInvalid
from pofx.kinds.row import listed
from pofx.rules.csv_cells import is_number
from pofx.rules.names import as_compared

_MOST_CHARACTERS, _MOST_PLACES = 40, 10
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Header:
    """``names`` of the columns that have one, and ``places`` of these; those without one are not read.

    ``respelled`` are the names that stand in the text in another way: with space around them, or decomposed (NFD).
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    width: int
    respelled: tuple[str, ...] = ()

    @property
    def unnamed(self) -> list[int]:
        """The places of columns without a name."""
        named = set(self.places)
        return [place for place in range(self.width) if place not in named]


def read_header(cells: Sequence[str], known: Collection[str]) -> Header:
    """The header in the first line; RequestInvalid where that is none. A name of ``known`` is spelled as there."""
    spelled = {as_compared(name): name for name in known}
    compared = [as_compared(cell) for cell in cells]
    found = [spelled.get(name, name) for name in compared]
    places = tuple(place for place, name in enumerate(compared) if name)
    respelled = tuple(found[place] for place in places if found[place] != cells[place])
    header = Header(tuple(found[place] for place in places), places, len(found), respelled)
    _check(header, known)
    return header


def _check(header: Header, known: Collection[str]) -> None:
    if not header.names:
        raise RequestInvalid("expected a header line with the column names, got an empty line")
    first = header.names[0]
    if first.lower().startswith("sep=") and len(header.names) == 1:
        raise RequestInvalid(f"line 1 is {first[:_MOST_CHARACTERS]!r}, a note of Excel's and no header; remove it")
    _check_separator(header, known)
    if all(map(is_number, header.names)) and not set(header.names) <= set(known):
        raise RequestInvalid(
            "expected a header line with the column names, got numbers; write a line with names above the first row"
        )
    if twice := [name for name in header.names if header.names.count(name) > 1]:
        raise RequestInvalid(f"header: columns named twice: {twice[0][:_MOST_CHARACTERS]!r}; rename one of them")


def _check_separator(header: Header, known: Collection[str]) -> None:
    """A line that is one cell, of names between other marks."""
    cell = header.names[0]
    marks = [words for mark, words in _SEPARATORS.items() if mark in cell]
    if header.width == 1 and marks and cell not in known:
        raise RequestInvalid(
            f"header: expected columns separated by commas, got one column {cell[:_MOST_CHARACTERS]!r}, perhaps "
            f"separated by {marks[0]}; write commas between columns, and points in numbers where there are commas"
        )


def check_title(header: Header, line: Sequence[str], number: int) -> None:
    """RequestInvalid where the first line seems to be a title above the header, by the line of that number after it."""
    filled = [place for place, cell in enumerate(line) if cell.strip()]
    longer = len(header.names) == 1 and len(line) > header.width
    padded = set(filled) & {place for place in header.unnamed if place > 0}
    if longer or len(padded) >= max(1, len(header.names)):
        names = f"{len(header.names)} name{'' if len(header.names) == 1 else 's'}"
        raise RequestInvalid(
            f"line 1 has {names}, line {number} has {len(line)} values: is line 1 a title? remove it, so that the "
            "names of the columns come first; or name all columns"
        )


@dataclass(frozen=True)
class Unread:
    """What of a text is not read: places of columns without a name, those of them that hold values, and empty rows.

    Also the names that are read in another spelling.
    """

    unnamed: frozenset[int] = frozenset()
    filled: frozenset[int] = frozenset()
    empty_rows: int = 0
    respelled: tuple[str, ...] = ()

    @classmethod
    def of(cls, header: Header, lines: Sequence[Sequence[str]], empty_rows: int) -> "Unread":
        """That of lines as long as the header."""
        unnamed = frozenset(header.unnamed)
        filled = frozenset(place for place in unnamed if any(line[place].strip() for line in lines))
        return cls(unnamed, filled, empty_rows, header.respelled)

    def __add__(self, other: "Unread") -> "Unread":
        """That of two blocks of one text."""
        return Unread(
            self.unnamed | other.unnamed,
            self.filled | other.filled,
            self.empty_rows + other.empty_rows,
            self.respelled or other.respelled,
        )

    def notes(self) -> tuple[str, ...]:
        """What is said about it; nothing where all is read."""
        found = []
        if self.filled:
            places = sorted(self.filled)
            numbers = ", ".join(str(place + 1) for place in places[:_MOST_PLACES])
            more = "" if len(places) <= _MOST_PLACES else f" and {len(places) - _MOST_PLACES} more"
            found.append(f"not read, since they have no name: columns number {numbers}{more}")
        if empty := len(self.unnamed) - len(self.filled):
            found.append(f"not read, since they are empty and have no name: {empty} columns")
        if self.empty_rows:
            found.append(f"not read, since they are empty: {self.empty_rows} rows")
        if self.respelled:
            found.append(f"names read without space around them, in composed letters: {listed(self.respelled)}")
        return tuple(found)
