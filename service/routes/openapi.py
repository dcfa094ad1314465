"""The OpenAPI description of what routes read and write themselves."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter
from starlette.types import ASGIApp, Receive, Scope, Send

from pofx.errors import CapabilityMissing, GraphFailed, MediaUnsupported, RequestInvalid, TooLarge, UnknownModel
from pofx.kinds.media import BODIES, CSV, JSON, MULTIPART, NPY, PARQUET, PNG, TEXT, WAV
from service.errors import (
    DeadlineExceeded,
    NotAcceptable,
    NotReady,
    OperatorOnly,
    Overloaded,
    StoreUnwritable,
    Unauthorized,
)
from service.gates import is_open
from service.problems import Problem, documented
from service.routes.events import EVENTS
from service.routes.examples import (
    PARAMETERS,
    calibrate_examples,
    encode_examples,
    generate_examples,
    score_examples,
)
from service.schemas.calibrate import CalibrateAnswer, CalibrateOptions, CalibrateRequest
from service.schemas.drift import DriftReport
from service.schemas.encode import EncodeAnswer, EncodeOptions, EncodeRequest
from service.schemas.generate import GenerateAnswer, GenerateOptions, GenerateRequest
from service.schemas.health import Liveness, Readiness
from service.schemas.models import ModelComparison, ModelDescription, ModelList
from service.schemas.online_fdr import OnlineFdrReport
from service.schemas.score import ScoreAnswer, ScoreOptions, ScoreRequest

_TEMPLATE = "#/components/schemas/{model}"
_READ = (ScoreRequest, GenerateRequest, EncodeRequest, CalibrateRequest)
_WRITTEN = (
    ScoreAnswer,
    GenerateAnswer,
    EncodeAnswer,
    CalibrateAnswer,
    DriftReport,
    OnlineFdrReport,
    ModelDescription,
    ModelList,
    ModelComparison,
    Liveness,
    Readiness,
    Problem,
)
_TEXT = {"schema": {"type": "string"}}
_FILE = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}  # a picker in the page
_BINARY = {"schema": _FILE}
_FILES = {"type": "object", "required": ["files"], "properties": {"files": {"type": "array", "items": _FILE}}}
_SCHEMES = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
    "OperatorKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Operator-Key",
        "description": "Of SERVICE_OPERATOR_KEY, for POST /calibrate.",
    },
}

WORK_PROBLEMS = documented(
    UnknownModel,
    NotAcceptable,
    CapabilityMissing,
    TooLarge,
    MediaUnsupported,
    RequestInvalid,
    Overloaded,
    GraphFailed,
    NotReady,
    DeadlineExceeded,
)


class DescribedApp(FastAPI):
    """An application whose description includes the schemas that direct routes refer to, and the keys it wants.

    Every request passes its gates first, and then FastAPI with its own layers, which a shortcut among the gates spares.
    """

    needs_key = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._gates: ASGIApp = super().__call__

    def add_gate(self, gate: Callable[..., ASGIApp], **options: Any) -> None:
        """Puts a gate before all others, made with the application behind it and these options."""
        self._gates = gate(self._gates, **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or lives through a lifespan."""
        await self._gates(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if not self.openapi_schema:
            document = super().openapi()
            document.setdefault("components", {}).setdefault("schemas", {}).update(_components())
            _document_problems(document)
            _document_keys(document, needed=self.needs_key)
            _document_parameters(document)
        return super().openapi()


def _document_keys(document: dict[str, Any], *, needed: bool) -> None:
    """Which key a route takes, so that the page asks for it; none of those that are open to all."""
    document["components"]["securitySchemes"] = _SCHEMES
    keys: list[dict[str, list[str]]] = [{"ApiKey": []}, {"Bearer": []}] if needed else [{}]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if is_open(path) else keys
    document["paths"]["/calibrate"]["post"]["security"] = [{**key, "OperatorKey": []} for key in keys]


def _document_parameters(document: dict[str, Any]) -> None:
    """Examples of the parameters that say which model is meant."""
    for operations in document["paths"].values():
        for parameter in (item for operation in operations.values() for item in operation.get("parameters", ())):
            if parameter["name"] in PARAMETERS and "examples" not in parameter:
                parameter["example"] = PARAMETERS[parameter["name"]]


def _document_problems(document: dict[str, Any]) -> None:
    """Every route can answer 401, and no error has the form that the framework documents by default."""
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            del operation["responses"]["422"]
        operation["responses"].update({str(status): answer for status, answer in documented(Unauthorized).items()})


def json_of(schema: str) -> dict[int | str, dict[str, Any]]:
    """The response 200 with that schema as JSON."""
    return {200: {"description": "The answer.", "content": {JSON: {"schema": _reference(schema)}}}}


def score_extra() -> dict[str, Any]:
    """Bodies and query of POST /score."""
    return {"requestBody": _items_body("ScoreRequest", score_examples()), "parameters": _query(ScoreOptions)}


def encode_extra() -> dict[str, Any]:
    """Bodies and query of POST /encode."""
    return {"requestBody": _items_body("EncodeRequest", encode_examples()), "parameters": _query(EncodeOptions)}


def calibrate_extra() -> dict[str, Any]:
    """Bodies and query of POST /calibrate."""
    body = _items_body("CalibrateRequest", calibrate_examples())
    return {"requestBody": body, "parameters": _query(CalibrateOptions)}


def calibrate_answers() -> dict[int | str, dict[str, Any]]:
    """The response 201, and what else than a score can go wrong."""
    created = {"description": "The new version.", "content": {JSON: {"schema": _reference("CalibrateAnswer")}}}
    return {201: created, **documented(OperatorOnly, CapabilityMissing, StoreUnwritable)}


def generate_extra() -> dict[str, Any]:
    """Body of POST /generate."""
    content = {JSON: {"schema": _reference("GenerateRequest"), "examples": generate_examples()}}
    return {"requestBody": {"required": True, "content": content}, "parameters": _query(GenerateOptions)}


def answers(schema: str, *others: str) -> dict[int | str, dict[str, Any]]:
    """The response 200 as JSON of that schema, or as one of the other media types."""
    content = {JSON: {"schema": _reference(schema)}, **dict.fromkeys(others, _BINARY)}
    return {200: {"description": "The answer, in the form the client accepts.", "content": content}}


def _items_body(schema: str, examples: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {JSON: {"schema": _reference(schema), "examples": examples}}
    content |= {body.name: _TEXT if body.text else _BINARY for body in BODIES}
    content |= {MULTIPART: {"schema": _FILES}}
    return {"required": True, "content": content}


def _query(options: type[BaseModel]) -> list[dict[str, Any]]:
    """The options as parameters; they count for any body, and must not contradict one."""
    schema = options.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {key: value for key, value in field.items() if key != "title"},
            "description": field.get("description", ""),
        }
        for name, field in schema["properties"].items()
    ]


def _components() -> dict[str, Any]:
    inputs = [(model.__name__, "validation", TypeAdapter(model)) for model in _READ]
    outputs = [(model.__name__, "serialization", TypeAdapter(model)) for model in _WRITTEN]
    _, document = TypeAdapter.json_schemas([*inputs, *outputs], ref_template=_TEMPLATE)  # type: ignore[list-item]
    schemas: dict[str, Any] = document["$defs"]
    return schemas


def _reference(schema: str) -> dict[str, str]:
    return {"$ref": _TEMPLATE.format(model=schema)}


DIRECT = {
    "/generate": (answers("GenerateAnswer", NPY, CSV, PNG, WAV, TEXT, EVENTS), generate_extra()),
    "/score": (answers("ScoreAnswer", NPY, CSV, PNG, PARQUET), score_extra()),
    "/encode": (answers("EncodeAnswer", NPY, CSV, PARQUET), encode_extra()),
    "/calibrate": (calibrate_answers(), calibrate_extra()),
}
"""What the direct routes answer, and what they read."""
