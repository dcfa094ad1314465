"""The stream of discoveries of one model and key: what it has come to, and how to begin another."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pofx.errors import CapabilityMissing, UnknownModel
from pofx.kinds.media import JSON
from service import problems
from service.answers import online_fdr as answers
from service.online.streams import ANYBODY
from service.routes.openapi import json_of
from service.routes.services import Services

_PROBLEMS = problems.documented(UnknownModel, CapabilityMissing)


def router(services: Services) -> APIRouter:
    """The routes over the streams."""
    routes = APIRouter(tags=["models"])
    answered = {**json_of("OnlineFdrReport"), **_PROBLEMS}

    @routes.get("/models/{name}/online-fdr", responses=answered)
    async def online_fdr(name: str, request: Request) -> Response:
        """What the discoveries of this key across requests (control=online of /score) have come to."""
        model = services.registry.choose(name, "score")
        return Response(answers.as_json(model, services.streams.find(model, caller(request))), media_type=JSON)

    @routes.post("/models/{name}/online-fdr/reset", responses=answered)
    async def reset(name: str, request: Request) -> Response:
        """Ends the stream of this key; the next request with control=online begins another, with a new promise."""
        model = services.registry.choose(name, "score")
        services.streams.reset(model, caller(request))
        return Response(answers.as_json(model, None), media_type=JSON)

    return routes


def caller(request: Request) -> bytes:
    """Whose stream it is: that of the key, or one for all where the service knows no keys."""
    found: bytes = request.scope.get("caller", ANYBODY)
    return found
