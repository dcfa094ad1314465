"""Names of categories and their codes: a code is a place among the names."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pofx.rules.names import as_compared

_TRUTHS = {"true": "true", "1": "true", "false": "false", "0": "false"}

UNKNOWN = -1.0
"""Instead of a code, for a name that is none of the categories."""


def name_of(value: object) -> str | None:
    """The name that a value of a column is, without space around it; None where it is missing.

    True and false are as in JSON; a whole number, which is a float beside missing ones, has no decimal point.
    """
    if value is None or value != value:
        return None
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return as_compared(str(value)) or None


def truth_of(name: str) -> str | None:
    """``true`` or ``false`` of a name that says so, in letters of any case or as 1 and 0; None of any other."""
    return _TRUTHS.get(name.casefold())


def are_truths(names: Iterable[str]) -> bool:
    """Whether the names are those of a column of true and false: nothing else, and a word among them."""
    found = {name.casefold() for name in names}
    return found <= _TRUTHS.keys() and not found.isdisjoint(("true", "false"))


def codes_of(names: Sequence[str | None], categories: Sequence[str]) -> NDArray[np.float64]:
    """The codes of names, shape (n,); NaN for those that are missing, −1 for those that are no categories.

    The names are as they are compared (``pofx.rules.names``); those of true and false in any spelling.
    """
    known: dict[str | None, float] = {name: float(code) for code, name in enumerate(map(as_compared, categories))}
    known[None] = math.nan
    found = np.array([known.get(name, UNKNOWN) for name in names], np.float64)
    if (found == UNKNOWN).any() and are_truths(categories):
        spelled = {truth_of(name): known[name] for name in map(as_compared, categories)}
        for place in np.flatnonzero(found == UNKNOWN).tolist():
            found[place] = spelled.get(truth_of(names[place] or ""), UNKNOWN)
    return found
