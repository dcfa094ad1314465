"""Columns of names: which of them hold categories, and in which order.

The code 0 is that of the most frequent name, and so on; names that are as frequent are in order.
"""

from collections.abc import Sequence

import pandas as pd

from pofx.rules.categories import are_truths, name_of, truth_of

MOST_CATEGORIES = 50
LARGEST_SHARE = 0.5  # of the rows; texts that are more different than that are names of rows, not of categories

_TEXT = ("string", "boolean", "categorical")


def is_text(values: pd.Series) -> bool:
    """Whether a column holds names: text, true and false, or categories of pandas."""
    return pd.api.types.infer_dtype(values, skipna=True) in _TEXT


def as_names(values: pd.Series) -> pd.Series:
    """The names in a column, without space around them; None where a value is missing."""
    return pd.Series([None if value is pd.NA else name_of(value) for value in values.tolist()], values.index, object)


def in_one_spelling(names: pd.Series) -> pd.Series:
    """The same names, those of a column of true and false as ``true`` and ``false``."""
    if not are_truths(names.dropna().unique()):
        return names
    return pd.Series([None if name is None else truth_of(name) for name in names], names.index, object)


def by_frequency(names: pd.Series) -> tuple[str, ...]:
    """The distinct names, the most frequent first."""
    counts = names.value_counts()
    return tuple(sorted(counts.index, key=lambda name: (-counts[name], name)))


def are_few(categories: Sequence[str], rows: int) -> bool:
    """Whether so many distinct names in so many rows are categories."""
    return len(categories) <= min(MOST_CATEGORIES, LARGEST_SHARE * rows)
