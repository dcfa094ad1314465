"""JSON: nesting is bounded before parsing, and numbers that are not finite become null."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx.errors import RequestInvalid
from pofx.kinds.json_text import check_depth, from_base64, write_json
from pofx.kinds.place import item

values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


def depth(value):
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(depth, children), default=0)


@given(values, st.integers(0, 6))
def test_exactly_what_is_too_deep_is_refused(value, limit):
    body = json.dumps(value).encode()
    if depth(value) <= limit:
        check_depth(body, limit)
    else:
        with pytest.raises(RequestInvalid):
            check_depth(body, limit)


def test_brackets_in_strings_do_not_count():
    check_depth(json.dumps(["[{" * 1000, '"[', "\\"]).encode(), 2)


def test_a_bomb_is_refused_without_parsing():
    with pytest.raises(RequestInvalid):
        check_depth(b"[" * 1_000_000, 16)


def test_numbers_that_are_not_finite_become_null():
    assert write_json({"a": [float("nan"), float("inf"), -float("inf"), 1.5]}) == b'{"a":[null,null,null,1.5]}'


@given(st.binary(max_size=100), st.booleans(), st.booleans(), st.sampled_from(["", "data:;base64,"]), st.integers(1, 9))
def test_any_writing_of_base64_has_the_same_bytes(content, url_safe, padded, before, width):
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(content).decode()
    text = text if padded else text.rstrip("=")
    lines = "\n".join(text[first : first + width] for first in range(0, len(text), width))
    assert from_base64(before + lines, item(0)) == content
