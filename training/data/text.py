"""Texts: one item per line, every character a code."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.data.dataset import Dataset
from training.errors import DataError

_MOST = 255  # characters that fit a byte beside the end


def load(path: Path, length: int | None, cut: bool) -> Dataset:
    """The lines of a UTF-8 file that are not empty."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}; convert it") from error
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
    if len(alphabet) > _MOST:
        raise DataError(f"{source}: {len(alphabet)} different characters; at most {_MOST} can be told apart")
    codes = {character: code for code, character in enumerate(alphabet, 1)}
    x = np.zeros((len(items), length or max(map(len, items), default=0)), np.uint8)
    for row, item in zip(x, items, strict=True):
        row[: len(item)] = [codes[character] for character in item]
    return Dataset(x, source, licence, alphabet=alphabet)


def decoded(x: np.ndarray, alphabet: str) -> list[str]:
    """The texts of codes uint8 (items, time), each up to its end."""
    return ["".join(alphabet[code - 1] for code in row[: _end(row)]) for row in x]


def _end(row: np.ndarray) -> int:
    ends = np.flatnonzero(row == 0)
    return int(ends[0]) if len(ends) else len(row)
