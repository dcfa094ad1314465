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
from service.problems import Problem, documented
from service.routes.events import EVENTS
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
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_TEXT = {"schema": {"type": "string"}}
_FILES = {"type": "object", "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}}}

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
    """An application whose description includes the schemas that direct routes refer to.

    Every request passes its gates first, and then FastAPI with its own layers, which a shortcut among the gates spares.
    """

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
        return super().openapi()


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
    examples = {
        "row": {"value": {"inputs": [{"row": {"alcohol": 13.2, "ash": 2.4}}], "alpha": 0.01}},
        "image": {"value": {"model": "mnist-made", "inputs": [{"image": "<base64 of a PNG>"}], "explain": True}},
        "audio": {"value": {"inputs": [{"audio": "<base64 of a WAV file>"}], "explain": True}},
        "text": {"value": {"inputs": [{"text": "banana"}], "explain": True}},
    }
    return {"requestBody": _items_body("ScoreRequest", examples), "parameters": _query(ScoreOptions)}


def encode_extra() -> dict[str, Any]:
    """Bodies and query of POST /encode."""
    examples = {"image": {"value": {"model": "mnist-vae", "inputs": [{"image": "<base64 of a PNG>"}]}}}
    return {"requestBody": _items_body("EncodeRequest", examples), "parameters": _query(EncodeOptions)}


def calibrate_extra() -> dict[str, Any]:
    """Bodies, query and header of POST /calibrate."""
    rows = [{"row": {"alcohol": 13.2, "ash": 2.4}}]
    examples = {"row": {"value": {"model": "wine", "data": "our own cellar, 2026", "inputs": rows}}}
    key = {"name": "X-Operator-Key", "in": "header", "required": True, "schema": {"type": "string"}}
    parameters = [*_query(CalibrateOptions), key]
    return {"requestBody": _items_body("CalibrateRequest", examples), "parameters": parameters}


def calibrate_answers() -> dict[int | str, dict[str, Any]]:
    """The response 201, and what else than a score can go wrong."""
    created = {"description": "The new version.", "content": {JSON: {"schema": _reference("CalibrateAnswer")}}}
    return {201: created, **documented(OperatorOnly, CapabilityMissing, StoreUnwritable)}


def generate_extra() -> dict[str, Any]:
    """Body of POST /generate."""
    completed = {"image": "<base64 of a PNG>", "mask": "<base64 of a PNG, white where the image is known>"}
    examples: dict[str, Any] = {
        "samples": {"value": {"model": "mnist-made", "n": 16, "seed": 7, "temperature": 0.9}},
        "label": {"value": {"n": 16, "condition": {"label": "3"}}},
        "completion": {"value": {"model": "mnist-made", "n": 4, "condition": completed}},
    }
    content = {JSON: {"schema": _reference("GenerateRequest"), "examples": examples}}
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
