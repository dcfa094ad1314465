"""Items and options of a request, in whichever media type they come."""

import asyncio
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from pofx.errors import MediaUnsupported, RequestInvalid, TooLarge
from pofx.kinds.columns import Extra
from pofx.kinds.decoded import Payload
from pofx.kinds.encoded_files import EncodedFiles
from pofx.kinds.encodings import in_utf8
from pofx.kinds.json_text import check_depth, without_mark
from pofx.kinds.media import JSON, KNOWN, MULTIPART, OCTETS, Body, body_of, body_of_upload, is_known
from service.errors import ClientGone
from service.problems import invalid
from service.settings import Settings

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Upload:
    """A file of a form, with the name and the media type that the form gives it."""

    content: bytes
    name: str
    kind: str


def media_type(request: Request) -> str:
    """The media type of the body, without parameters; JSON if there is none."""
    return request.headers.get("content-type", JSON).partition(";")[0].strip().lower()


def _charset(request: Request) -> str | None:
    """What the media type says about the encoding of a text."""
    parameters = request.headers.get("content-type", "").split(";")[1:]
    found = (part.partition("=") for part in parameters)
    return next((value.strip(' "') for name, _, value in found if name.strip().lower() == "charset"), None)


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
    body = await json_text(request, settings)
    try:
        return schema.model_validate_json(body, strict=True), len(body)
    except ValidationError as error:
        raise invalid(error) from error


async def json_text(request: Request, settings: Settings) -> bytes:
    """The body as it was sent, without a mark before it, and nested no deeper than is allowed."""
    body = without_mark(await whole(request))
    _check_start(request, body)
    check_depth(body, settings.max_json_depth)
    return body


def _check_start(request: Request, body: bytes) -> None:
    """Says what is missing where a JSON parser would only say where it stumbled."""
    if not body:
        raise RequestInvalid("the body is empty; expected a JSON object, see /docs")
    if "content-type" not in request.headers and body.lstrip()[:1] != b"{":
        raise MediaUnsupported(f"no Content-Type; expected one of {', '.join(KNOWN)}", supported=list(KNOWN))


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
    if kind == MULTIPART:
        return await _uploaded(await _files(request, settings), extra)
    if kind != OCTETS and not is_known(kind):
        raise MediaUnsupported(f"expected one of {', '.join(KNOWN)}, got {kind[:80]!r}", supported=list(KNOWN))
    content = await _filled(request, kind)
    body = body_of(kind, content)
    return await _parsed(body, in_utf8(content, _charset(request)) if body.text else content, extra)


async def _parsed(body: Body, content: bytes, extra: Extra) -> Payload:
    if body.waits:
        return await asyncio.to_thread(body.parse, content, extra)
    return body.parse(content, extra)


async def _uploaded(uploads: list[Upload], extra: Extra) -> Payload:
    """Images or recordings, or the items of a single file that holds many; raises RequestInvalid for several."""
    for upload in uploads:
        body = body_of_upload(upload.content, upload.name, upload.kind)
        if body is None:
            continue
        if len(uploads) > 1:
            raise RequestInvalid(
                f"expected one file where it holds many items, got {len(uploads)} with {upload.name[:80]!r} "
                f"({body.name}); send one request for each"
            )
        return await _parsed(body, upload.content, extra)
    return EncodedFiles([upload.content for upload in uploads], names=tuple(upload.name for upload in uploads))


def check_count(items: Payload, settings: Settings) -> None:
    """Raises TooLarge or RequestInvalid for too many items, or none."""
    if items.count > settings.max_items:
        raise TooLarge(
            f"{items.count} items, at most {settings.max_items} in one request", max_items=settings.max_items
        )
    if items.count < 1:
        raise RequestInvalid("expected at least one item", pointer="/inputs")


async def _files(request: Request, settings: Settings) -> list[Upload]:
    try:
        form = await request.form(max_files=settings.max_items, max_fields=16, max_part_size=settings.max_body_bytes)
    except (MultiPartException, HTTPException) as error:  # the framework turns the first into the second
        raise RequestInvalid("not a multipart body, or one with too many parts") from error
    try:
        _check_fields(form)
        return [await _upload(file) for file in form.getlist("files") if isinstance(file, UploadFile)]
    finally:
        await form.close()


async def _upload(file: UploadFile) -> Upload:
    kind = (file.content_type or "").partition(";")[0].strip().lower()
    return Upload(await file.read(), file.filename or "", kind)


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
