"""JSON bodies: nesting is bounded before parsing, and answers are written without a detour over text objects.

Files inside JSON are base64.
"""

import base64
import codecs
import re
from typing import Any

from pydantic_core import to_json

from pofx.errors import RequestInvalid
from pofx.kinds.place import Place

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DATA_URI = re.compile(r"\s*data:[^,]{0,200};base64,", re.IGNORECASE)
_PLAIN = {ord(letter): None for letter in " \t\r\n\f\v"} | {ord("-"): "+", ord("_"): "/"}
_OPEN = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def check_depth(body: bytes, limit: int) -> None:
    """Raises RequestInvalid for a body nested deeper than the limit."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return
    brackets = _STRINGS.sub(b"", body).translate(_OPEN, _NO_BRACKETS)
    for _ in range(limit):
        if b"[]" not in brackets:
            break
        brackets = brackets.replace(b"[]", b"")  # takes one level away, the innermost
    if b"[]" in brackets or brackets.count(b"[") > limit:
        raise RequestInvalid(f"the JSON body is nested deeper than {limit} levels")


def without_mark(body: bytes) -> bytes:
    """The text without the byte order mark that some programs put before it; raises RequestInvalid for UTF-16."""
    if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise RequestInvalid("the body is text in UTF-16; expected JSON in UTF-8")
    return body.removeprefix(codecs.BOM_UTF8)


def write_json(answer: Any) -> bytes:
    """JSON text; numbers that are not finite become null."""
    return to_json(answer, inf_nan_mode="null")


def from_base64(text: str, place: Place) -> bytes:
    """The bytes of a file in JSON; base64 may be in lines, URL-safe, without padding, or a data URI."""
    try:
        return base64.b64decode(text, validate=True)  # the usual form, and the fastest
    except ValueError:
        return _from_any_base64(text, place)


def _from_any_base64(text: str, place: Place) -> bytes:
    letters = _DATA_URI.sub("", text, count=1) if _DATA_URI.match(text) else text
    letters = letters.translate(_PLAIN).rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except ValueError as error:
        raise place.refusal("not base64, neither alone nor in a data URI (data:image/png;base64,…)") from error


def to_base64(content: bytes) -> str:
    """A file as it stands in JSON."""
    return base64.b64encode(content).decode()
