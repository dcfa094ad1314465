"""The media types that items come in, each with the room that reads it.

To add one, write a file with its payload (``pofx.kinds.decoded.Payload``) and a line in ``BODIES``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pofx.kinds.columns import Extra
from pofx.kinds.csv_text import CsvText
from pofx.kinds.decoded import Payload
from pofx.kinds.encoded_files import EncodedFiles
from pofx.kinds.image import FORMATS
from pofx.kinds.npy import NpyFile
from pofx.kinds.parquet_if_there import parse_parquet
from pofx.kinds.text_lines import TextLines

JSON, MULTIPART = "application/json", "multipart/form-data"
PNG, WAV = "image/png", "audio/wav"
CSV, TEXT, NPY, PARQUET = "text/csv", "text/plain", "application/x-npy", "application/vnd.apache.parquet"

Parse = Callable[[bytes, Extra], Payload]


@dataclass(frozen=True)
class Body:
    """A media type whose bodies hold items: its parser, other names of it, and whether it is text.

    A parser that ``waits`` for another process, or is slow to import, belongs into a thread of its own.
    """

    name: str
    parse: Parse
    aliases: tuple[str, ...] = ()
    text: bool = False
    waits: bool = False


def _picture(content: bytes, _: Extra) -> Payload:
    return EncodedFiles([content], "image")


def _recording(content: bytes, _: Extra) -> Payload:
    return EncodedFiles([content], "audio")


BODIES = (
    *(Body(f"image/{name.lower()}", _picture) for name in FORMATS),
    Body(WAV, _recording, ("audio/x-wav", "audio/wave", "audio/vnd.wave")),
    Body(CSV, CsvText, text=True),
    Body(TEXT, lambda content, _: TextLines(content), text=True),
    Body(NPY, lambda content, _: NpyFile.parse(content), ("application/octet-stream",)),
    Body(PARQUET, parse_parquet, ("application/x-parquet",), waits=True),
)
"""Of single bodies; JSON is read by its schema, and a form holds several files."""

BY_NAME = {name: body for body in BODIES for name in (body.name, *body.aliases)}
KNOWN = (JSON, MULTIPART, *(body.name for body in BODIES))
