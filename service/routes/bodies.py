"""Items and options of a request, in whichever media type they come."""

import asyncio
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from pofx.errors import MediaUnsupported, RequestInvalid, TooLarge
from pofx.kinds.audio import MEDIA_TYPES as RECORDINGS
from pofx.kinds.columns import Extra
from pofx.kinds.csv_text import CsvText
from pofx.kinds.decoded import Payload
from pofx.kinds.encoded_files import EncodedFiles
from pofx.kinds.image import MEDIA_TYPES
from pofx.kinds.json_text import check_depth
from pofx.kinds.npy import NpyFile
from pofx.kinds.parquet_if_there import parse_parquet
from pofx.kinds.text_lines import TextLines
from service.errors import ClientGone
from service.problems import invalid
from service.routes.negotiation import CSV, NPY, PARQUET
from service.settings import Settings

M = TypeVar("M", bound=BaseModel)

MULTIPART = "multipart/form-data"
_KNOWN = ("application/json", *MEDIA_TYPES, "audio/wav", MULTIPART, CSV, "text/plain", NPY, PARQUET)
_OTHER_NAMES = {"application/octet-stream": NPY, "application/x-parquet": PARQUET}


def media_type(request: Request) -> str:
    """The media type of the body, without parameters; JSON if there is none."""
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


async def whole(request: Request) -> bytes:
    """The body; it usually arrives in one message."""
    message = await _message(request)
    if not message.get("more_body"):
        return message.get("body", b"")  # type: ignore[no-any-return]
    parts = [message["body"]]
    while message.get("more_body"):
        message = await _message(request)
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def _message(request: Request) -> Message:
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientGone("the client closed the connection while it sent the body")
    return message


async def json_body(request: Request, schema: type[M], settings: Settings) -> tuple[M, int]:
    """The validated body, and its size in bytes."""
    body = await whole(request)
    _check_start(request, body)
    check_depth(body, settings.max_json_depth)
    try:
        return schema.model_validate_json(body, strict=True), len(body)
    except ValidationError as error:
        raise invalid(error) from error


def _check_start(request: Request, body: bytes) -> None:
    """Says what is missing where a JSON parser would only say where it stumbled."""
    if not body:
        raise RequestInvalid("the body is empty; expected a JSON object, see /docs")
    if "content-type" not in request.headers and body.lstrip()[:1] != b"{":
        raise MediaUnsupported(f"no Content-Type; expected one of {', '.join(_KNOWN)}", supported=list(_KNOWN))


async def _filled(request: Request, kind: str) -> bytes:
    body = await whole(request)
    if not body:
        raise RequestInvalid(f"the body is empty; expected {kind}")
    return body


def query(request: Request, schema: type[M]) -> M:
    """The options of a request that is not JSON, from its query string; an option that is given twice is a list."""
    given = {name: request.query_params.getlist(name) for name in request.query_params}
    try:
        return schema.model_validate({name: found if len(found) > 1 else found[0] for name, found in given.items()})
    except ValidationError as error:
        raise invalid(error) from error


async def payload(request: Request, settings: Settings, extra: Extra) -> Payload:
    """The items of a request that is not JSON; raises MediaUnsupported."""
    kind = media_type(request)
    kind = _OTHER_NAMES.get(kind, kind)
    if kind in MEDIA_TYPES:
        return EncodedFiles([await _filled(request, kind)], "image")
    if kind in RECORDINGS:
        return EncodedFiles([await _filled(request, kind)], "audio")
    if kind == MULTIPART:
        return EncodedFiles(await _files(request, settings))
    if kind == "text/plain":
        return TextLines(await _filled(request, kind))
    if kind == CSV:
        return CsvText(await _filled(request, kind), extra)
    if kind == NPY:
        return NpyFile.parse(await _filled(request, kind))
    if kind == PARQUET:
        return await asyncio.to_thread(parse_parquet, await _filled(request, kind), extra)
    raise MediaUnsupported(f"expected one of {', '.join(_KNOWN)}, got {kind[:80]!r}", supported=list(_KNOWN))


def check_count(items: Payload, settings: Settings) -> None:
    """Raises TooLarge or RequestInvalid for too many items, or none."""
    if items.count > settings.max_items:
        raise TooLarge(
            f"{items.count} items, at most {settings.max_items} in one request", max_items=settings.max_items
        )
    if items.count < 1:
        raise RequestInvalid("expected at least one item", pointer="/inputs")


async def _files(request: Request, settings: Settings) -> list[bytes]:
    try:
        form = await request.form(max_files=settings.max_items, max_fields=16, max_part_size=settings.max_body_bytes)
    except (MultiPartException, HTTPException) as error:  # the framework turns the first into the second
        raise RequestInvalid("not a multipart body, or one with too many parts") from error
    try:
        _check_fields(form)
        return [await upload.read() for upload in form.getlist("files") if isinstance(upload, UploadFile)]
    finally:
        await form.close()


def _check_fields(form: FormData) -> None:
    """Raises RequestInvalid unless there are uploads, all in the field ``files``, and nothing else."""
    if any(name == "files" and not isinstance(part, UploadFile) for name, part in form.multi_items()):
        raise RequestInvalid("expected uploads in the field 'files', got text; with curl: -F files=@image.png")
    if not form.getlist("files"):
        raise RequestInvalid(f"expected uploads in the field 'files', got the fields: {', '.join(form) or 'none'}")
    if others := [name for name in form if name != "files"]:
        raise RequestInvalid(
            f"expected only the field 'files', got also {', '.join(others)}; options go into the query string, "
            f"as in ?{others[0]}=…"
        )
