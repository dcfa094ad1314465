"""Texts to codes and back.

Code c > 0 is character c−1 of the alphabet; 0 ends the text and fills what is left.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.kinds.place import Place

MEDIA_TYPE = "text/plain"
_MOST_CHARACTERS = 255
_NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"

Codes = NDArray[np.uint8]


def encode_text(text: str, spec: bundle.TextSpec, place: Place) -> Codes:
    """The codes of the characters, shape (at most length,)."""
    if len(text) > spec.length:
        raise place.refusal(
            f"expected at most {spec.length} characters, got {len(text)}", expected=spec.length, got=len(text)
        )
    codes = [spec.alphabet.find(character) + 1 for character in text]
    if 0 in codes:
        position = codes.index(0)
        raise place.refusal(
            f"character {text[position]!r} at position {position} is none of the model's: {spec.alphabet!r}",
            character=text[position],
            position=position,
        )
    return np.array(codes, np.uint8)


def text_codes(text: str, spec: bundle.TextSpec, place: Place) -> Codes:
    """The codes of a text in the model's length, shape (length,)."""
    return padded(encode_text(text, spec, place), spec)


def padded(codes: Codes, spec: bundle.TextSpec) -> Codes:
    """The same text in the model's length, shape (length,)."""
    return np.pad(codes, (0, spec.length - len(codes)))


def check_codes(codes: Codes, spec: bundle.TextSpec, place: Callable[[int], Place]) -> None:
    """Raises RequestInvalid for the first row of codes (batch, length) that is no text; ``place`` is that of a row."""
    unknown = codes > len(spec.alphabet)
    if unknown.any():
        limit = len(spec.alphabet)
        raise place(_first_row(unknown)).refusal(f"expected codes from 0 to {limit}, one per character of the model")
    resumed = (codes[:, 1:] > 0) & (codes[:, :-1] == 0)
    if resumed.any():
        raise place(_first_row(resumed)).refusal("expected only zeros after the zero that ends a text")


def lengths(codes: Codes) -> NDArray[np.int64]:
    """Characters of the text in each row of codes (batch, length), shape (batch,)."""
    ends: NDArray[np.bool_] = np.pad(codes == 0, ((0, 0), (0, 1)), constant_values=True)
    return np.asarray(ends.argmax(axis=1))


def decode_texts(codes: Codes, spec: bundle.TextSpec) -> list[str]:
    """The text of each row of codes (batch, length)."""
    characters = spec.alphabet.ljust(_MOST_CHARACTERS, _NO_CHARACTER)
    rows = zip(codes.tolist(), lengths(codes).tolist(), strict=True)
    return ["".join(characters[code - 1] for code in row[:length]) for row, length in rows]


def has_lines(spec: bundle.TextSpec) -> bool:
    """Whether a text can hold a line break, so that a line is not a text."""
    return not {"\n", "\r"}.isdisjoint(spec.alphabet)


def _first_row(wrong: NDArray[np.bool_]) -> int:
    return int(np.nonzero(wrong)[0][0])
