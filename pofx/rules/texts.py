"""Texts as codes: code c > 0 is character c−1 of the alphabet; 0 ends the text and fills what is left."""

import numpy as np
from numpy.typing import NDArray

MOST_CHARACTERS = 255
"""Of an alphabet: what fits a byte beside the end."""
_NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"

Codes = NDArray[np.uint8]


def codes_of_text(text: str, alphabet: str) -> Codes:
    """The codes of the characters, shape (characters,); 0 for those that are not in the alphabet."""
    return np.array([alphabet.find(character) + 1 for character in text], np.uint8)


def lengths(codes: Codes) -> NDArray[np.int64]:
    """Characters of the text in each row of codes (batch, length), shape (batch,)."""
    ends: NDArray[np.bool_] = np.pad(codes == 0, ((0, 0), (0, 1)), constant_values=True)
    return np.asarray(ends.argmax(axis=1))


def texts_of(codes: Codes, alphabet: str) -> list[str]:
    """The text of each row of codes (batch, length)."""
    characters = alphabet.ljust(MOST_CHARACTERS, _NO_CHARACTER)
    rows = zip(codes.tolist(), lengths(codes).tolist(), strict=True)
    return ["".join(characters[code - 1] for code in row[:length]) for row, length in rows]
