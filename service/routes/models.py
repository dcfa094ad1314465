"""GET /models and what belongs to one model."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from pofx import bundle
from pofx.errors import RequestInvalid, UnknownModel
from pofx.kinds.json_text import write_json
from service import problems
from service.engine.registry import Registry
from service.routes.negotiation import JSON, PNG
from service.routes.openapi import json_of
from service.schemas import models as answers

_UNKNOWN = problems.documented(UnknownModel)
_INVALID = problems.documented(RequestInvalid)
_WITH = "a version of the same name, or another model as name or name:version"


def router(registry: Registry) -> APIRouter:
    """The routes over the loaded models."""
    routes = APIRouter(tags=["models"])
    read = _reader(registry)

    @routes.get("/models", responses=json_of("ModelList"))
    async def list_models() -> Response:
        """The version that every name means, the bundles that were refused, and what happened to the store lately."""
        return Response(write_json(answers.list_models(registry.stock, registry.events)), media_type=JSON)

    @routes.get("/models/{name}", responses={**json_of("ModelDescription"), **_UNKNOWN})
    async def describe_model(name: str) -> Response:
        """One model, as name or name:version."""
        return Response(write_json(answers.describe(registry.find(name), registry.stock)), media_type=JSON)

    @routes.get("/models/{name}/compare", responses={**json_of("ModelComparison"), **_UNKNOWN, **_INVALID})
    async def compare_models(name: str, other: Annotated[str, Query(alias="with", description=_WITH)]) -> Response:
        """What differs between two versions or models: input, statistics, calibration, metrics, graphs and more."""
        model = registry.find(name)
        reference = f"{model.manifest.name}:{other}" if other.isdecimal() else other
        return Response(write_json(answers.compare(model, registry.find(reference))), media_type=JSON)

    @routes.get("/models/{name}/card", responses={200: {"content": {"text/markdown": {}}}, **_UNKNOWN})
    async def card(name: str) -> Response:
        """What the model is, what it was trained on, its measured numbers and known failures."""
        return Response(read(name, "CARD.md"), media_type="text/markdown")

    @routes.get("/models/{name}/samples.png", responses={200: {"content": {PNG: {}}}, **_UNKNOWN})
    async def samples(name: str) -> Response:
        """A sheet of samples made when the model was exported."""
        return Response(read(name, "samples.png"), media_type=PNG)

    return routes


def _reader(registry: Registry) -> Callable[[str, str], bytes]:
    def read(name: str, file: str) -> bytes:
        model = registry.find(name)
        if file not in model.manifest.files:
            raise UnknownModel(f"{model.manifest.reference} has no {file}")
        try:
            return model.source.read_bytes(file)
        except bundle.BundleCorrupt as error:
            raise UnknownModel(f"{file} of {model.manifest.reference} was removed or changed in the store") from error

    return read
