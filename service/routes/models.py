"""GET /models and what belongs to one model."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import Response

from pofx.errors import UnknownModel
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.json_text import write_json
from pofx.kinds.media import JSON, PNG
from service import problems
from service.engine.registry import Registry
from service.routes.openapi import json_of
from service.schemas.models import describe

_UNKNOWN = problems.documented(UnknownModel)


def router(registry: Registry) -> APIRouter:
    """The routes over the loaded models."""
    routes = APIRouter(tags=["models"])
    read = _reader(registry)

    @routes.get("/models", responses=json_of("ModelList"))
    async def list_models() -> Response:
        """The latest version of every model, and the bundles that were refused."""
        models = [describe(model, _versions(registry, model)) for model in registry.latest()]
        refused = [{"name": item.name, "version": item.version, "reason": item.reason} for item in registry.refused]
        return Response(write_json({"models": models, "refused": refused}), media_type=JSON)

    @routes.get("/models/{name}", responses={**json_of("ModelDescription"), **_UNKNOWN})
    async def describe_model(name: str) -> Response:
        """One model, as name or name:version."""
        model = registry.find(name)
        return Response(write_json(describe(model, _versions(registry, model))), media_type=JSON)

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
        return model.source.read_bytes(file)

    return read


def _versions(registry: Registry, model: LoadedModel) -> list[int]:
    return sorted(registry.models[model.manifest.name])
