"""Names of categories as codes: 0 is the most frequent name, and so on; names that are as frequent are in order."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

MOST_CATEGORIES = 50
LARGEST_SHARE = 0.5  # of the rows; texts that are more different than that are names of rows, not of categories

_TEXT = ("string", "boolean", "categorical")


def is_text(values: pd.Series) -> bool:
    """Whether a column holds names: text, true and false, or categories of pandas."""
    return pd.api.types.infer_dtype(values, skipna=True) in _TEXT


def as_names(values: pd.Series) -> pd.Series:
    """The names in a column, without space around them; NaN where a value is missing."""
    texts = values.astype(object).map(_name, na_action="ignore")
    return texts.where(texts.notna() & (texts != ""), np.nan)


def by_frequency(names: pd.Series) -> tuple[str, ...]:
    """The distinct names, the most frequent first."""
    counts = names.value_counts()
    return tuple(sorted(counts.index, key=lambda name: (-counts[name], name)))


def are_few(categories: Sequence[str], rows: int) -> bool:
    """Whether so many distinct names in so many rows are categories."""
    return len(categories) <= min(MOST_CATEGORIES, LARGEST_SHARE * rows)


def codes(names: pd.Series, categories: Sequence[str]) -> pd.Series:
    """The places of names among the categories; NaN where a name is missing or none of them."""
    return names.map({name: float(place) for place, name in enumerate(categories)}).astype(np.float64)


def _name(value: object) -> str:
    """The text of a value: true and false as in JSON; a whole number, which is a float beside missing ones, as such."""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
