"""Names above parts of a picture, in a font that has their letters; without one, their places, told in the caption."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from matplotlib import font_manager
from matplotlib.font_manager import FontEntry, FontProperties

_HOLLOW = "last resort"  # a font that has a box for every letter there is


@dataclass(frozen=True)
class Title:
    """What stands above a part, and in which font; ``told`` where it is only a place."""

    text: str
    font: FontProperties
    told: bool = False


def titles(names: Sequence[str]) -> list[Title]:
    """The title of every name, the usual font first."""
    return [_title(place, name) for place, name in enumerate(names, 1)]


def told(names: Sequence[str]) -> str:
    """The names that could not be drawn, by their places, for a caption; empty where all could."""
    lacking = [
        f"{title.text}: {' '.join(name.split())}"
        for title, name in zip(titles(names), names, strict=True)
        if title.told
    ]
    return f" ({', '.join(lacking)})" if lacking else ""


def _title(place: int, name: str) -> Title:
    letters = {ord(letter) for letter in name}
    usual = FontProperties()
    if letters <= _letters(font_manager.findfont(usual)):
        return Title(name, usual)
    for file in _others():
        if letters <= _letters(file):
            return Title(name, FontProperties(fname=file))
    return Title(f"column {place}", usual, told=True)


@cache
def _others() -> tuple[str, ...]:
    """The files of all fonts that are there, upright and of usual weight first."""
    found = [entry for entry in font_manager.fontManager.ttflist if _HOLLOW not in entry.name.lower()]
    return tuple(entry.fname for entry in sorted(found, key=_oddness))


def _oddness(entry: FontEntry) -> tuple[bool, bool, str]:
    return entry.style != "normal", str(entry.weight) not in ("400", "normal", "regular"), entry.name


@cache
def _letters(file: str) -> frozenset[int]:
    """The code points that a font has; none where its file cannot be read."""
    try:
        return frozenset(font_manager.get_font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
