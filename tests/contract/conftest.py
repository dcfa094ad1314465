"""A service on any store, in this process, lifespan included."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pandas as pd
import pytest

from pofx import bundle
from service.app import create_app
from service.settings import Settings
from training.fit import Hardware, fit
from training.prepare import Prepared, prepare
from training.recipe import parse
from training.run import Run
from training.stages import published

TABLE_RECIPE = """
name = "{family}-rows"
summary = "for tests"
[data]
source = "table"
path = "{path}"
[data.split]
calibration = 0.3
[transform]
name = "columns"
[family]
name = "{family}"
{options}
[fit]
epochs = 1
ema = 0.5
"""
FAMILY_OPTIONS = {
    "gmm": 'components = [2]\ncovariances = ["full"]\nrestarts = 1',
    "made": "hidden = [8]\ncomponents = 2",
    "rnade": "hidden = 4\ncomponents = 2",
}

Trained = tuple[Prepared, Path, bundle.Bundle]


@pytest.fixture(scope="session")
def trained_on_table() -> Callable[[Path, pd.DataFrame, str], Trained]:
    """Fits a tiny model of a table in a folder: what was fitted, its store, and its bundle."""

    def train(folder: Path, frame: pd.DataFrame, family: str) -> Trained:
        frame.to_csv(folder / "t.csv", index=False)
        path = (folder / "t.csv").as_posix()
        prepared = prepare(parse(TABLE_RECIPE.format(family=family, path=path, options=FAMILY_OPTIONS[family])))
        run = Run.of(prepared, folder / "runs")
        fitted = fit(prepared, run, Hardware("cpu", "1", quiet=True), resume=False)
        written = published(fitted, bundle.Store(folder / "models"), lambda _: None).bundle
        return prepared, folder / "models", written

    return train


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
