"""Probes, metrics and the entrance."""

from typing import Literal

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pofx.kinds.json_text import write_json
from pofx.kinds.media import JSON
from service import problems
from service.engine.registry import Registry
from service.errors import NotReady, StillLoading
from service.metrics import CONTENT_TYPE
from service.routes.openapi import json_of
from service.routes.services import Services
from service.schemas.health import Readiness


def router(services: Services) -> APIRouter:
    """Routes for operators."""
    routes = APIRouter(tags=["operation"])
    not_ready = problems.documented(NotReady, StillLoading)

    @routes.get("/", include_in_schema=False)
    async def entrance() -> Response:
        """The documentation."""
        return RedirectResponse("docs")

    @routes.get("/health/live", responses={**json_of("Liveness"), **problems.documented(NotReady)})
    async def live() -> Response:
        """Whether the device thread exists and its current batch has not been running for too long."""
        busy_s = services.device.busy_s
        if not services.device.alive or busy_s > services.settings.stalled_s:
            raise NotReady(f"the device has been busy with one batch for {busy_s:.0f} s, or its thread has ended")
        return Response(write_json({"status": "live", "batch_running_s": round(busy_s, 3)}), media_type=JSON)

    @routes.get("/health/ready", responses={**json_of("Readiness"), **not_ready})
    async def ready() -> Response:
        """Whether requests are welcome: the process is not shutting down, and every bundle of the store was tried.

        With SERVICE_READY=any one loaded model is enough. A model that is loaded answers either way.
        """
        if services.draining:
            raise NotReady("the service is shutting down")
        return Response(write_json(_readiness(services.registry, services.settings.ready)), media_type=JSON)

    @routes.get("/metrics", responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(services.metrics.text(), media_type=CONTENT_TYPE)

    return routes


def _readiness(registry: Registry, enough: Literal["all", "any"]) -> Readiness:
    """What is loaded; raises StillLoading or NotReady where that is not enough."""
    stock = registry.stock
    loading = [str(item) for item in stock.loading]
    refused = [f"{item.reference}: {item.reason}" for item in stock.refused]
    count = len(registry.all())
    if (loading or registry.starting) and (enough == "all" or not count):
        raise StillLoading(f"{count} models are loaded", 1, models=count, loading=loading, refused=refused)
    if not count:
        raise NotReady("no model is loaded", refused=refused)
    return {"status": "ready", "models": count, "loading": loading, "refused": refused}
