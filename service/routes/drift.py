"""The drift of one model: what is known, and how to begin again."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pofx.errors import CapabilityMissing, UnknownModel
from pofx.graphs.loaded import LoadedModel
from pofx.kinds.media import JSON, PNG
from service import problems
from service.answers import drift as answers
from service.drift.watch import Watch
from service.errors import NotAcceptable
from service.routes.negotiation import preferred
from service.routes.openapi import answers as answered
from service.routes.openapi import json_of
from service.routes.services import Services

_PROBLEMS = problems.documented(UnknownModel, CapabilityMissing)


def router(services: Services) -> APIRouter:
    """The routes over the drift watches."""
    routes = APIRouter(tags=["models"])

    pictured = {**answered("DriftReport", PNG), **_PROBLEMS, **problems.documented(NotAcceptable)}

    @routes.get("/models/{name}/drift", responses=pictured)
    async def drift(name: str, request: Request) -> Response:
        """Whether the items scored so far look like the calibration set; as PNG the histogram of their p-values."""
        media = preferred(request, (JSON, PNG))
        model, watch = _find(services, name)
        state = watch.read()
        content = answers.as_json(model, state) if media == JSON else answers.as_picture(model, state)
        return Response(content, media_type=media)

    @routes.post("/models/{name}/drift/reset", responses={**json_of("DriftReport"), **_PROBLEMS})
    async def reset(name: str) -> Response:
        """Forgets the traffic of a model and its alarm, and watches anew; the state then."""
        model, watch = _find(services, name)
        return Response(answers.as_json(model, watch.reset()), media_type=JSON)

    return routes


def _find(services: Services, name: str) -> tuple[LoadedModel, Watch]:
    model = services.registry.choose(name, "score")
    if services.drift is None:
        raise CapabilityMissing("drift is not watched here: expected SERVICE_DRIFT=true, got false")
    return model, services.drift.of(model)
