"""A service on any store, in this process, lifespan included."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service.app import create_app
from service.settings import Settings


@pytest.fixture
def post() -> Callable[..., httpx.Response]:
    """Posts one request to a fresh service on a store."""
    return lambda store, path, **options: asyncio.run(_once("POST", store, path, **options))


@pytest.fixture
def get() -> Callable[..., httpx.Response]:
    """Gets one answer from a fresh service on a store."""
    return lambda store, path, **options: asyncio.run(_once("GET", store, path, **options))


async def _once(method: str, store: Path, path: str, **options: object) -> httpx.Response:
    app = create_app(Settings(store=store))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **options)
