"""Probes, metrics and the entrance."""

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pofx.kinds.json_text import write_json
from service import problems
from service.errors import NotReady
from service.metrics import CONTENT_TYPE
from service.routes.negotiation import JSON
from service.routes.openapi import json_of
from service.routes.services import Services


def router(services: Services) -> APIRouter:
    """Routes for operators."""
    routes = APIRouter(tags=["operation"])
    not_ready = problems.documented(NotReady)

    @routes.get("/", include_in_schema=False)
    async def entrance() -> Response:
        """The documentation."""
        return RedirectResponse("docs")

    @routes.get("/health/live", responses={**json_of("Liveness"), **not_ready})
    async def live() -> Response:
        """Whether the device thread exists and its current batch has not been running for too long."""
        busy_s = services.device.busy_s
        if not services.device.alive or busy_s > services.settings.stalled_s:
            raise NotReady(f"the device has been busy with one batch for {busy_s:.0f} s, or its thread has ended")
        return Response(write_json({"status": "live", "batch_running_s": round(busy_s, 3)}), media_type=JSON)

    @routes.get("/health/ready", responses={**json_of("Readiness"), **not_ready})
    async def ready() -> Response:
        """Whether requests are welcome: a model is loaded and the process is not shutting down."""
        if services.draining:
            raise NotReady("the service is shutting down")
        if not services.registry.models:
            refused = [f"{item.name}:{item.version}: {item.reason}" for item in services.registry.refused]
            raise NotReady("no model is loaded", refused=refused)
        return Response(write_json({"status": "ready", "models": len(services.registry.all())}), media_type=JSON)

    @routes.get("/metrics", responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(services.metrics.text(), media_type=CONTENT_TYPE)

    return routes
