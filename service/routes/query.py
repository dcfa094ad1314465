"""Options in the query string of a JSON request: they count as those of the body, and must not contradict it."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from pofx.errors import RequestInvalid
from service.problems import invalid

M = TypeVar("M", bound=BaseModel)


def given(request: Request) -> dict[str, Any]:
    """The options by name; one that is given twice is a list."""
    found = {name: request.query_params.getlist(name) for name in request.query_params}
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def validated(schema: type[M], options: dict[str, Any]) -> M:
    """The options of a query as a schema has them; raises RequestInvalid."""
    try:
        return schema.model_validate(options)
    except ValidationError as error:
        raise invalid(error) from error


def with_query(request: Request, body: M, options: type[BaseModel]) -> M:
    """The body with the options of the query; RequestInvalid for a contradiction, or for what is no option."""
    if not request.scope["query_string"]:
        return body
    said = validated(options, given(request))
    asked = {name: getattr(said, name) for name in said.model_fields_set} | (said.model_extra or {})
    for name, value in asked.items():
        if name in body.model_fields_set and getattr(body, name) != value:
            raise RequestInvalid(
                f"{name}: the body says {getattr(body, name)!r}, the query string {value!r}; say it once",
                pointer=f"/{name}",
            )
    return body.model_copy(update=asked)
