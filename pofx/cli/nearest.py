"""What was probably meant by a word that is not known."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``, did you mean 'a' or 'b'?`` with the nearest known words; nothing where none is near."""
    lower = {name.lower(): name for name in known}
    near = [lower[name] for name in difflib.get_close_matches(word.lower(), lower, 3, 0.6)]
    return f", did you mean {' or '.join(map(repr, near))}?" if near else ""
