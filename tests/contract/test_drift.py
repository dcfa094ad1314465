"""A shipped bundle behind the service: held-out digits raise no drift alarm, and half of them rotated do at once."""

import asyncio
import io
import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest

from service.app import create_app
from service.settings import Settings
from training.prepare import prepare
from training.recipe import parse

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def digits():
    """Digits that the shipped bundle was neither fitted, chosen nor calibrated on, uint8 (n, 8, 8, 1)."""
    recipe = parse((ROOT / "recipes/digits-bernoulli.toml").read_text(encoding="utf-8"))
    return prepare(recipe).splits.test.x


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The shipped bundle alone, which loads faster than all."""
    store = tmp_path_factory.mktemp("store")
    shutil.copytree(ROOT / "models/digits-bernoulli", store / "digits-bernoulli")
    return store


def report_after(store, requests):
    """The drift of the shipped model after requests with these images."""

    async def scenario():
        app = create_app(Settings(store=store))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
        ):
            for images in requests:
                buffer = io.BytesIO()
                np.save(buffer, images)
                answer = await client.post(
                    "/score?model=digits-bernoulli",
                    content=buffer.getvalue(),
                    headers={"Content-Type": "application/x-npy"},
                )
                assert answer.status_code == 200, answer.text
            return (await client.get("/models/digits-bernoulli/drift")).json()

    return asyncio.run(scenario())


def test_digits_as_in_calibration_raise_no_alarm(store, digits):
    report = report_after(store, np.array_split(digits, 20))
    assert report["items"] == len(digits) >= 300
    assert not report["alarm"]
    assert report["window"]["ks_p_value"] > 1e-3


def test_half_of_them_rotated_raise_an_alarm_within_500_items(store, digits):
    rotated = np.where(np.arange(len(digits))[:, None, None, None] % 2, np.rot90(digits, axes=(1, 2)), digits)
    report = report_after(store, np.array_split(rotated[:500], 20))
    assert report["alarm"]
    assert report["alarm_item"] <= 500
    assert report["histogram"]["counts"][0] > 2 * report["histogram"]["expected"]
