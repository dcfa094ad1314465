"""The media types that items come in, each with the room that reads it.

To add one, write a file with its payload (``pofx.kinds.decoded.Payload``) and a line in ``BODIES``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from pofx.errors import MediaUnsupported
from pofx.kinds.columns import Extra
from pofx.kinds.csv_text import CsvText
from pofx.kinds.decoded import Payload
from pofx.kinds.encoded_files import EncodedFiles
from pofx.kinds.image import FORMATS
from pofx.kinds.npy import NpyFile
from pofx.kinds.parquet_if_there import parse_parquet
from pofx.kinds.text_lines import TextLines

JSON, MULTIPART = "application/json", "multipart/form-data"
OCTETS = "application/octet-stream"
PNG, WAV = "image/png", "audio/wav"
CSV, TEXT, NPY, PARQUET = "text/csv", "text/plain", "application/x-npy", "application/vnd.apache.parquet"

Parse = Callable[[bytes, Extra], Payload]


@dataclass(frozen=True)
class Body:
    """A media type whose bodies hold items: its parser, other names of it, and whether it is text.

    ``begins`` matches the first bytes of every such body, where they tell. ``endings`` are those of the names of files
    that hold many items. A parser that ``waits`` for another process, or is slow to import, belongs into a thread of
    its own.
    """

    name: str
    parse: Parse
    aliases: tuple[str, ...] = ()
    begins: re.Pattern[bytes] | None = None
    endings: tuple[str, ...] = ()
    text: bool = False
    waits: bool = False


def _picture(content: bytes, _: Extra) -> Payload:
    return EncodedFiles([content], "image")


def _recording(content: bytes, _: Extra) -> Payload:
    return EncodedFiles([content], "audio")


_OTHER_NAMES = {
    "PNG": ("image/x-png",),
    "JPEG": ("image/jpg", "image/pjpeg"),
    "BMP": ("image/x-bmp", "image/x-ms-bmp"),
}
_BEGINNINGS = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "WEBP": rb"RIFF....WEBP",
    "BMP": rb"BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x6c\x7c]\0{3}",
    "GIF": rb"GIF8[79]a",
}


def _starts(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


BODIES = (
    *(
        Body(f"image/{name.lower()}", _picture, _OTHER_NAMES.get(name, ()), _starts(_BEGINNINGS[name]))
        for name in FORMATS
    ),
    Body(WAV, _recording, ("audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"), _starts(rb"RIFF....WAVE")),
    Body(
        CSV,
        CsvText,
        ("application/csv", "text/x-csv", "text/comma-separated-values", "application/vnd.ms-excel"),
        endings=(".csv",),
        text=True,
    ),
    Body(TEXT, lambda content, _: TextLines(content), endings=(".txt",), text=True),
    Body(
        NPY,
        lambda content, _: NpyFile.parse(content),
        ("application/npy",),
        _starts(rb"\x93NUMPY"),
        (".npy",),
    ),
    Body(
        PARQUET,
        parse_parquet,
        ("application/x-parquet", "application/parquet"),
        _starts(rb"PAR1"),
        (".parquet",),
        waits=True,
    ),
)
"""Of single bodies; JSON is read by its schema, and a form holds several files."""

_BY_NAME = {name: body for body in BODIES for name in (body.name, *body.aliases)}
KNOWN = (JSON, MULTIPART, *(body.name for body in BODIES))


def is_known(name: str) -> bool:
    """Whether a single body may have that media type, by any of its names."""
    return name in _BY_NAME


def body_of(name: str, content: bytes) -> Body:
    """How to read a body of a known media type; octets are told by how they begin, or raise MediaUnsupported."""
    if name != OCTETS:
        return _BY_NAME[name]
    if found := _told(content):
        return found
    tellable = ", ".join(body.name for body in BODIES if body.begins)
    raise MediaUnsupported(
        f"{OCTETS} may hold what its first bytes tell ({tellable}), and these tell nothing; "
        f"say what it is in Content-Type, as {CSV} for a table",
        supported=list(KNOWN),
    )


def body_of_upload(content: bytes, file: str, name: str) -> Body | None:
    """How to read an uploaded file that holds many items, by its first bytes, the ending of its name or its type.

    None for an image or a recording, and for what might be one.
    """
    found = _told(content) or _ending_so(file) or _BY_NAME.get(name)
    return found if found and found.endings else None


def _told(content: bytes) -> Body | None:
    return next((body for body in BODIES if body.begins and body.begins.match(content)), None)


def _ending_so(file: str) -> Body | None:
    return next((body for body in BODIES if file.lower().endswith(body.endings)), None)
