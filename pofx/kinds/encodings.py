"""Bytes of a text as text: UTF-8, or UTF-16 that says so by its first bytes, or what was declared.

Anything else is refused in words that say what it probably is, and what to do.
"""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from pofx.errors import MediaUnsupported, RequestInvalid

_START = 4096  # bytes that are looked at
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PARQUET = b"PAR1"
_OTHER_FILES = (
    (PARQUET, "a Parquet file; name it .parquet, or send it as application/vnd.apache.parquet"),
    (b"PK\x03\x04", "an Excel workbook or another zip archive; save the table as 'CSV UTF-8'"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook; save the table as 'CSV UTF-8'"),
)
_DECLARED = {
    "ascii": "utf-8",
    "euc_kr": "cp949",  # what Windows calls so
    **{name: name for name in ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp949", "cp1252", "iso8859-1")},
    **{name: name for name in ("iso8859-15", "shift_jis", "cp932", "euc_jp", "gbk", "gb18030", "big5")},
}


def text_of(content: bytes) -> str:
    """The text in a file's bytes; raises RequestInvalid."""
    encoding = _encoding(content[:_START])
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _refusal(io.BytesIO(content), encoding) from error


@contextmanager
def opened_text(path: Path, newline: Literal["", "\n"] = "") -> Iterator[TextIO]:
    """The lines of a file of one's own, with what ends them; RequestInvalid also where they are read.

    A line ends with a carriage return too, or only with the given line feed.
    """
    with path.open("rb") as file:
        encoding = _encoding(file.read(_START))
    try:
        with path.open(encoding=encoding, newline=newline) as lines:
            yield lines
    except UnicodeDecodeError as error:
        with path.open("rb") as file:
            raise _refusal(file, encoding) from error


def in_utf8(content: bytes, charset: str | None) -> bytes:
    """The same text in UTF-8, from the charset that was declared for it; raises RequestInvalid or MediaUnsupported."""
    encoding = _declared(charset) if charset else "utf-8"
    if encoding == "utf-8":
        return content
    try:
        return content.decode(encoding).encode()
    except UnicodeError as error:
        raise RequestInvalid(f"not {charset} as its Content-Type says: {error}") from error


def _declared(charset: str) -> str:
    try:
        return _DECLARED[codecs.lookup(charset).name]
    except (LookupError, ValueError) as error:
        raise MediaUnsupported(f"expected text in UTF-8, got the charset {charset[:40]!r}") from error


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet by its first bytes, whatever it is called."""
    with path.open("rb") as file:
        return file.read(len(PARQUET)) == PARQUET


def _encoding(start: bytes) -> str:
    """The encoding that the first bytes say; RequestInvalid where they are of no text."""
    for signature, what in _OTHER_FILES:
        if start.startswith(signature):
            raise RequestInvalid(f"expected text, got {what}")
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if b"\0" in start:
        raise RequestInvalid(
            f"expected text, got a zero at byte {start.index(0)}: binary data, or UTF-16 without a byte-order mark; "
            "save it as UTF-8 (Excel: save as 'CSV UTF-8')"
        )
    return "utf-8"


def _refusal(lines: io.BytesIO | io.BufferedReader, encoding: str) -> RequestInvalid:
    """What is wrong with a text that is not in its encoding."""
    if not encoding.startswith("utf-8"):
        return RequestInvalid(f"not {encoding.upper()} as its first bytes say: truncated or damaged; save it as UTF-8")
    first = 0
    for line in lines:
        try:
            line.decode()
        except UnicodeDecodeError as error:
            perhaps = ", perhaps cp949" if _is_cp949(line) else "; save it as UTF-8"
            return RequestInvalid(f"not UTF-8 at byte {first + error.start}{perhaps} (Excel: save as 'CSV UTF-8')")
        first += len(line)
    return RequestInvalid("not UTF-8; save it as UTF-8 (Excel: save as 'CSV UTF-8')")


def _is_cp949(line: bytes) -> bool:
    try:
        line.decode("cp949")
    except UnicodeDecodeError:
        return False
    return True
