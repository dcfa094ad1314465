"""The hot path: endpoints that read the request and make the response themselves."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pofx.errors import PofxError
from service import problems

Endpoint = Callable[[Request], Awaitable[Response]]


class DirectRoute(APIRoute):
    """A documented route without FastAPI's dependency machinery."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


class Shortcut:
    """Answers POST to some paths without the router and its exit stacks: a sixth of the time of a small request.

    The same endpoints are also routes, for the documentation and for every other method.
    """

    def __init__(self, app: ASGIApp, endpoints: Mapping[str, Endpoint]) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or passes the request on."""
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["trace"].endpoint = scope["path"]
        try:
            response = await endpoint(Request(scope, receive))
        except PofxError as error:
            response = problems.rejected(scope["trace"], error)
        await response(scope, receive, send)
