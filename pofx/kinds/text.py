"""Texts as a model takes them, and what is wrong with others."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pofx import bundle
from pofx.kinds.faults import REFUSE, Faults
from pofx.kinds.place import Place
from pofx.rules.texts import Codes, codes_of_text


def encode_text(text: str, spec: bundle.TextSpec, place: Place) -> Codes:
    """The codes of the characters, shape (at most length,)."""
    if len(text) > spec.length:
        raise place.refusal(
            f"expected at most {spec.length} characters, got {len(text)}", expected=spec.length, got=len(text)
        )
    codes = codes_of_text(text, spec.alphabet)
    if not codes.all():
        position = int(codes.argmin())
        raise place.refusal(
            f"character {text[position]!r} at position {position} is none of the model's: {spec.alphabet!r}",
            character=text[position],
            position=position,
        )
    return codes


def text_codes(text: str, spec: bundle.TextSpec, place: Place) -> Codes:
    """The codes of a text in the model's length, shape (length,)."""
    return padded(encode_text(text, spec, place), spec)


def padded(codes: Codes, spec: bundle.TextSpec) -> Codes:
    """The same text in the model's length, shape (length,)."""
    return np.pad(codes, (0, spec.length - len(codes)))


def check_codes(codes: Codes, spec: bundle.TextSpec, place: Callable[[int], Place], faults: Faults = REFUSE) -> None:
    """Takes rows of codes (batch, length) that are no text; raises RequestInvalid. ``place`` is that of a row."""
    unknown = codes > len(spec.alphabet)
    resumed = (codes[:, 1:] > 0) & (codes[:, :-1] == 0)
    words = f"expected codes from 0 to {len(spec.alphabet)}, one per character of the model"
    _take(unknown, words, place, faults)
    _take(resumed, "expected only zeros after the zero that ends a text", place, faults)


def has_lines(spec: bundle.TextSpec) -> bool:
    """Whether a text can hold a line break, so that a line is not a text."""
    return not {"\n", "\r"}.isdisjoint(spec.alphabet)


def _take(wrong: NDArray[np.bool_], words: str, place: Callable[[int], Place], faults: Faults) -> None:
    for index in np.flatnonzero(wrong.any(axis=1)).tolist():
        faults.take(index, place(index), place(index).refusal(words))
