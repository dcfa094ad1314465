"""The one table from errors to HTTP answers (RFC 9457 problem details). Only errors in it answer below 500."""

from dataclasses import dataclass
from typing import Any, NotRequired

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from pofx.errors import (
    CapabilityMissing,
    GraphFailed,
    MediaUnsupported,
    PofxError,
    RequestInvalid,
    TooLarge,
    UnknownModel,
)
from pofx.kinds.json_text import write_json
from service import errors
from service.trace import Trace

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """How one error is answered; ``slug`` also names it in metrics."""

    status: int
    slug: str
    title: str


TABLE: dict[type[PofxError], Kind] = {
    errors.Unauthorized: Kind(401, "unauthorized", "An API key is needed"),
    errors.OperatorOnly: Kind(403, "operator-only", "Only for the operator"),
    UnknownModel: Kind(404, "unknown-model", "No such model"),
    errors.NotAcceptable: Kind(406, "not-acceptable", "No acceptable form of the answer"),
    CapabilityMissing: Kind(409, "capability-missing", "The model cannot do this"),
    errors.StoreUnwritable: Kind(409, "store-unwritable", "No new version can be written"),
    TooLarge: Kind(413, "too-large", "Too large"),
    MediaUnsupported: Kind(415, "media-unsupported", "Media type not supported"),
    RequestInvalid: Kind(422, "request-invalid", "The request is not valid"),
    errors.Overloaded: Kind(429, "overloaded", "Too much work is pending"),
    errors.ClientGone: Kind(499, "client-gone", "The client closed the connection"),
    GraphFailed: Kind(500, "graph-failed", "The model failed on this input"),
    errors.NotReady: Kind(503, "not-ready", "Not ready"),
    errors.StillLoading: Kind(503, "still-loading", "The model is still being loaded"),
    errors.DeadlineExceeded: Kind(504, "deadline-exceeded", "Not done in time"),
}
INTERNAL = Kind(500, "internal", "Internal error")


class FieldProblem(TypedDict):
    """A place in the request, as a JSON pointer, and what is wrong there."""

    pointer: str
    detail: str


class Problem(TypedDict):
    """RFC 9457 problem details; some kinds carry further members."""

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[FieldProblem]]
    index: NotRequired[int]
    models_that_can: NotRequired[list[str]]


def respond(kind: Kind, detail: str, extra: dict[str, Any] | None = None) -> Response:
    """The problem as a response."""
    body = {"type": f"urn:pofx:problem:{kind.slug}", "title": kind.title, "status": kind.status, "detail": detail}
    return Response(write_json({**body, **(extra or {})}), kind.status, _headers(kind, extra or {}), MEDIA_TYPE)


def response_of(error: PofxError) -> Response:
    """The answer to an error of the service."""
    return respond(TABLE[type(error)], error.detail, error.extra)


def rejected(trace: Trace, error: PofxError) -> Response:
    """The answer to an error, noted in the trace for the metrics."""
    trace.rejected = TABLE[type(error)].slug
    return response_of(error)


def invalid(error: ValidationError | RequestValidationError) -> RequestInvalid:
    """The same complaint as an error of the service, without an echo of the input."""
    found = (
        error.errors(include_url=False, include_input=False) if isinstance(error, ValidationError) else error.errors()
    )
    places = [{"pointer": _pointer(item), "detail": item["msg"].removeprefix("Value error, ")} for item in found[:20]]
    first = f"{places[0]['pointer'] or 'body'}: {places[0]['detail']}"
    return RequestInvalid(first, index=_index(found[0]), errors=places)


def install(app: FastAPI) -> None:
    """Makes an application answer every error it knows with a problem document."""
    app.add_exception_handler(PofxError, _on_own_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)


def documented(*kinds: type[PofxError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses of an endpoint for those errors."""
    titles: dict[int, list[str]] = {}
    for kind in kinds:
        titles.setdefault(TABLE[kind].status, []).append(TABLE[kind].title)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "; ".join(found), "content": content} for status, found in titles.items()}


async def _on_own_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PofxError)  # noqa: S101 - registered for this type only
    return rejected(request.scope["trace"], error)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    return await _on_own_error(request, invalid(error))


async def _on_http_error(request: Request, error: Exception) -> Response:
    """The framework's own 404, 405 and the like."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    slug = f"http-{error.status_code}"
    request.scope["trace"].rejected = slug
    allowed = (error.headers or {}).get("Allow")
    hint = f"this path takes {allowed}" if allowed else "see /docs for what there is"
    response = respond(Kind(error.status_code, slug, str(error.detail)), f"{request.method} {request.url.path}: {hint}")
    response.headers.update(error.headers or {})
    return response


def _headers(kind: Kind, extra: dict[str, Any]) -> dict[str, str]:
    if "retry_after_s" in extra:
        return {"Retry-After": str(extra["retry_after_s"])}
    if kind.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if kind.status == 413:
        return {"Connection": "close"}  # the rest of the body is not read
    return {}


def _pointer(error: ErrorDetails) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error["loc"])


def _index(error: ErrorDetails) -> int | None:
    place = error["loc"]
    return place[1] if len(place) > 1 and place[0] == "inputs" and isinstance(place[1], int) else None
