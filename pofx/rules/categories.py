"""Names of categories and their codes: a code is a place among the names."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pofx.rules.names import as_compared

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


def codes_of(names: Sequence[str | None], categories: Sequence[str]) -> NDArray[np.float64]:
    """The codes of names, shape (n,); NaN for those that are missing, −1 for those that are no categories.

    The names are as they are compared (``pofx.rules.names``).
    """
    known: dict[str | None, float] = {name: float(code) for code, name in enumerate(map(as_compared, categories))}
    known[None] = math.nan
    return np.array([known.get(name, UNKNOWN) for name in names], np.float64)
