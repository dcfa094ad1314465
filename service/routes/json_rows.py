"""Items in a JSON body, of which single ones may be wrong where every item has an answer of its own."""

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json, to_json
from starlette.requests import Request

from pofx.kinds.item import AnsweredByRow, Item
from pofx.kinds.json_items import JsonItems
from service.problems import invalid
from service.routes import bodies
from service.routes.query import with_query
from service.settings import Settings

Body = TypeVar("Body", bound=AnsweredByRow)

_STAND_IN: dict[str, Any] = {"array": []}


async def json_rows(
    request: Request, schema: type[Body], options: type[AnsweredByRow], settings: Settings
) -> tuple[Body, JsonItems]:
    """The validated body with the options of the query, and its items; raises RequestInvalid."""
    content = await bodies.json_text(request, settings)
    refused: dict[int, str] = {}
    try:
        said = schema.model_validate_json(content, strict=True)
    except ValidationError as error:
        refused = _of_items(error) if _keeps_errors(request, content) else {}
        if not refused:
            raise invalid(error) from error
        said = _without(content, schema, refused)
    body = with_query(request, said, options)
    inputs: list[Item] = getattr(body, "inputs")  # noqa: B009 - of every schema here
    items = [None if index in refused else value for index, value in enumerate(inputs)]
    return body, JsonItems(items, len(content), body.extra, refused=refused)


def _keeps_errors(request: Request, content: bytes) -> bool:
    try:
        body = from_json(content)
    except ValueError:
        return False
    said = body.get("errors") if isinstance(body, dict) else None
    return "row" in (said, request.query_params.get("errors"))


def _of_items(error: ValidationError) -> dict[int, str]:
    """The first complaint about every wrong item; nothing where something else is wrong."""
    found: dict[int, str] = {}
    for complaint in error.errors(include_url=False, include_input=False):
        place = complaint["loc"]
        if len(place) < 2 or place[0] != "inputs" or not isinstance(place[1], int):
            return {}
        found.setdefault(place[1], _words(complaint))
    return found


def _words(complaint: ErrorDetails) -> str:
    """What is wrong with an item, as it is said of one that is refused later."""
    _, _, *inside = complaint["loc"]
    words = complaint["msg"].removeprefix("Value error, ")
    match inside:
        case []:
            return words
        case ["row", str(column), *_]:
            return f"column {column!r}: {words}"
    return f"{'/'.join(map(str, inside))}: {words}"


def _without(content: bytes, schema: type[Body], refused: dict[int, str]) -> Body:
    """The body with something valid in the place of the items that are refused; raises RequestInvalid."""
    body = from_json(content)
    body["inputs"] = [_STAND_IN if index in refused else value for index, value in enumerate(body["inputs"])]
    try:
        return schema.model_validate_json(to_json(body, inf_nan_mode="constants"), strict=True)
    except ValidationError as error:
        raise invalid(error) from error
