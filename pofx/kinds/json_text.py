"""JSON bodies: nesting is bounded before parsing, and answers are written without a detour over text objects.

Files inside JSON are base64.
"""

import base64
import binascii
import re
from typing import Any

from pydantic_core import to_json

from pofx.errors import RequestInvalid
from pofx.kinds.place import Place

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def check_depth(body: bytes, limit: int) -> None:
    """Raises RequestInvalid for a body nested deeper than the limit."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return
    depth = 0
    for bracket in _STRINGS.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            raise RequestInvalid(f"the JSON body is nested deeper than {limit} levels")


def write_json(answer: Any) -> bytes:
    """JSON text; numbers that are not finite become null."""
    return to_json(answer, inf_nan_mode="null")


def from_base64(text: str, place: Place) -> bytes:
    """The bytes of a file in JSON."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise place.refusal("not base64") from error


def to_base64(content: bytes) -> str:
    """A file as it stands in JSON."""
    return base64.b64encode(content).decode()
