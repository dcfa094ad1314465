"""Texts: one item per line, every character a code."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pofx.errors import RequestInvalid
from pofx.kinds.encodings import text_of
from pofx.rules.texts import MOST_CHARACTERS, codes_of_text
from training.data.dataset import Dataset
from training.errors import DataError


def load(path: Path, length: int | None, cut: bool) -> Dataset:
    """The lines of a UTF-8 file that are not empty."""
    try:
        lines = text_of(path.read_bytes()).split("\n")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    except RequestInvalid as error:
        raise DataError(f"{path}: {error}") from error
    items = {number: line.rstrip("\r") for number, line in enumerate(lines, 1)}
    items = {number: line for number, line in items.items() if line}
    if length is not None:
        items = {number: _fitted(f"{path}, line {number}", line, length, cut) for number, line in items.items()}
    return encoded(list(items.values()), str(path), "not stated", length)


def _fitted(where: str, line: str, length: int, cut: bool) -> str:
    if len(line) > length and not cut:
        raise DataError(f"{where}: {len(line)} characters, and `length` is {length}; raise it, or set `cut = true`")
    return line[:length]


def encoded(items: Sequence[str], source: str, licence: str, length: int | None = None) -> Dataset:
    """Texts as codes: the alphabet is all their characters in order, 0 ends a text and fills what is left.

    Without a length it is that of the longest text.
    """
    alphabet = "".join(sorted(set().union(*items)))
    if len(alphabet) > MOST_CHARACTERS:
        raise DataError(f"{source}: {len(alphabet)} different characters; at most {MOST_CHARACTERS} can be told apart")
    x = np.zeros((len(items), length or max(map(len, items), default=0)), np.uint8)
    for row, item in zip(x, items, strict=True):
        row[: len(item)] = codes_of_text(item, alphabet)
    return Dataset(x, source, licence, alphabet=alphabet)
