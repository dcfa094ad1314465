"""An answer in HTTP/1.1, read as far as a benchmark must: whole or not, 200 or not, and its body."""

import re
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; ``good`` says whether its status was 200, ``refused`` whether it was 429 with Retry-After."""

    good: bool
    body: bytes
    refused: bool = False


def read(data: bytes) -> Answer | None:
    """The answer at the start of the data, or None where it is not whole yet; raises ValueError if it has no length."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head, start = data[:end], end + 4
    if length := _LENGTH.search(head):
        stop = start + int(length[1])
        body = data[start:stop] if len(data) >= stop else None
    elif _CHUNKED.search(head):
        body = _joined(data, start)
    else:
        raise ValueError(f"expected an answer that says its length, got {head!r}")
    if body is None:
        return None
    refused = head.startswith(b"HTTP/1.1 429") and b"\r\nretry-after:" in head.lower()
    return Answer(head.startswith(b"HTTP/1.1 200"), body, refused)


def _joined(data: bytes, start: int) -> bytes | None:
    """The chunks from there on as one body, or None where the last of them is missing."""
    body = b""
    while (line := data.find(b"\r\n", start)) >= 0:
        size = int(data[start:line].partition(b";")[0], 16)
        start = line + 2 + size + 2
        if start > len(data):
            return None
        if size == 0:
            return body
        body += data[line + 2 : start - 2]
    return None
