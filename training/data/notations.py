"""Texts that were meant as numbers or times: read as names of categories they would lose what they say.

A column is meant so where nearly all of its cells are, or most of them and most of its different texts: 1, 2 and 3+ are
categories, as long as there is more than a cell in twenty with 3+. The recipe has the last word, with `categories`.
"""

import re
from collections.abc import Callable

import pandas as pd

from pofx.rules.csv_cells import is_number

_NEARLY_ALL = 0.95
_MOST = 0.8
_MOST_CHARACTERS = 40
_AROUND = re.compile(r"^\(?[+\u2212-]?[₩\uffe6$€£¥]?\s*|\s*[%‰₩\uffe6$€£¥원円元]?\)?$")
_NUMBERS = re.compile(
    r"\d+(\.\d+)?"  # with a sign of money or percent around it
    r"|\d{1,3}([,' \u00a0\u202f]\d{3})+(\.\d+)?"  # thousands
    r"|\d{1,3}([. \u00a0\u202f]\d{3})*,\d+"  # decimal commas
    r"|\d{1,3}(\.\d{3}){2,}"
    r"|\d+(_\d+)+|0[xX][0-9a-fA-F]+"
)
_DAY = (
    r"\d{4}\s?[-/.년]\s?\d{1,2}(\s?[-/.월](\s?\d{1,2}\s?[일.]?)?)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}"
    r"|\d{1,2}[- ][A-Za-z]{3,9}\.?[- ,]+\d{2,4}"
)
_HOUR = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s?([AaPp]\.?[Mm]\.?)?(Z|[+-]\d{2}:?\d{2})?"
_TIMES = re.compile(rf"({_DAY})([T ]+({_HOUR}))?|{_HOUR}")


def meant_otherwise(names: pd.Series, few: bool) -> str | None:
    """What is wrong with a column of texts that was meant as numbers or, of ``few`` different ones, as times.

    It names the first cell that is no number, and its row. None where the texts are names.
    """
    there = names.dropna()
    plain = _which(there, is_number)
    if plain.all():
        return None
    if _are_most(there, plain | _which(there, _is_other_number)):
        return _no_number(there[~plain], plain.mean())
    if few and _are_most(there, _which(there, _is_time)):
        return (
            f"expected numbers or names, got times like {_first(there)}; write them as numbers, seconds since the "
            "first or the hour of the day for instance"
        )
    return None


def _which(texts: pd.Series, right: Callable[[str], bool]) -> pd.Series:
    """Whether each text is right, bool (texts,); every different one is looked at once."""
    return texts.map({text: right(text) for text in texts.unique()}).astype(bool)


def _are_most(texts: pd.Series, right: pd.Series) -> bool:
    """Whether so many of the texts are right that the column was meant so."""
    share = right.mean()
    return bool(share >= _NEARLY_ALL or (share >= _MOST and right[~texts.duplicated()].mean() >= _MOST))


def _no_number(strange: pd.Series, plain: float) -> str:
    """The words for a column of which a share is plain numbers, about the first cell that is none."""
    if _is_other_number(strange.iloc[0]):
        return (
            f"expected numbers like 1234.5, got {_first(strange)}; write no thousands separators, a decimal point, and "
            "no signs of money or percent"
        )
    units = "; is the line below the header one of units? remove it" if strange.index[0] == 0 else ""
    return (
        f"expected numbers, as {plain:.1%} of its texts are, got {_first(strange)}{units}; correct the cell, or leave "
        "it empty where the value is missing"
    )


def _first(texts: pd.Series) -> str:
    return f"{texts.iloc[0][:_MOST_CHARACTERS]!r} in row {texts.index[0]}"


def _is_other_number(text: str) -> bool:
    """Whether it is a number in a notation that no reader takes."""
    return not is_number(text) and _NUMBERS.fullmatch(_AROUND.sub("", text)) is not None


def _is_time(text: str) -> bool:
    return _TIMES.fullmatch(text) is not None
