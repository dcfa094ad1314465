"""Texts: codes and characters are each other's inverse, and what is no text of the model is refused by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx import bundle
from pofx.errors import MediaUnsupported, RequestInvalid
from pofx.kinds.place import item
from pofx.kinds.text import check_codes, decode_texts, encode_text, lengths, padded
from pofx.kinds.text_lines import TextLines

SPEC = bundle.TextSpec(alphabet="ab é\N{GRINNING FACE}", length=6)


@given(st.text(SPEC.alphabet, max_size=6))
def test_a_text_survives_its_codes(text):
    codes = padded(encode_text(text, SPEC, item(0)), SPEC)
    check_codes(codes[np.newaxis], SPEC, item)
    assert codes.dtype == np.uint8
    assert decode_texts(codes[np.newaxis], SPEC) == [text]
    assert lengths(codes[np.newaxis]).tolist() == [len(text)]


@given(st.lists(st.integers(0, 255), min_size=6, max_size=6))
def test_codes_are_accepted_exactly_if_they_are_those_of_a_text(codes):
    array = np.array([codes], np.uint8)
    (text,) = decode_texts(array, SPEC)
    is_text = set(text) <= set(SPEC.alphabet) and padded(encode_text(text, SPEC, item(0)), SPEC).tolist() == codes
    if is_text:
        check_codes(array, SPEC, item)
    else:
        with pytest.raises(RequestInvalid):
            check_codes(array, SPEC, item)


def test_a_character_the_model_does_not_have_is_named_with_its_position():
    with pytest.raises(RequestInvalid) as refused:
        encode_text("abxab", SPEC, item(3))
    assert refused.value.detail.startswith("item 3: character 'x' at position 2 is none of the model's: 'ab ")
    assert (refused.value.extra["character"], refused.value.extra["position"]) == ("x", 2)


def test_a_long_text_is_refused():
    with pytest.raises(RequestInvalid, match="expected at most 6 characters, got 7"):
        encode_text("aaaaaaa", SPEC, item(0))


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("a\nb\n", ["a", "b"]),
        ("a\r\nb", ["a", "b"]),
        ("\ufeffa\n\n", ["a", ""]),
        ("é \n\N{GRINNING FACE}", ["é ", "\N{GRINNING FACE}"]),
    ],
)
def test_every_line_is_a_text(content, texts):
    lines = TextLines(content.encode())
    assert lines.count == len(texts)
    assert decode_texts(lines.decode(SPEC).array, SPEC) == texts


def test_lines_are_no_texts_where_a_text_has_lines():
    with pytest.raises(MediaUnsupported):
        TextLines(b"a").decode(bundle.TextSpec(alphabet="a\n", length=3))


def test_other_encodings_are_refused():
    with pytest.raises(RequestInvalid, match="UTF-8"):
        TextLines("é".encode("latin1")).decode(SPEC)
