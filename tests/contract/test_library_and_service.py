"""The library and the service give the same numbers, bit for bit, for every shipped bundle; so do its examples run."""

import asyncio
import io
from pathlib import Path

import httpx
import numpy as np
import pytest

import pofx
from pofx import bundle
from pofx.kinds.npy import encode_npy
from pofx.rules.outputs import map_kind
from service.app import create_app
from service.settings import Settings

STORE = bundle.Store(Path("models"))
NPY = "application/x-npy"
MANIFESTS = [bundle.read(STORE.locate(bundle.Reference(name))).manifest for name in STORE.names()]


def names_that(can):
    return [manifest.name for manifest in MANIFESTS if can(manifest)]


def explains(manifest):
    return manifest.score is not None and map_kind(manifest.graphs[manifest.score.graph]) is not None


@pytest.fixture(scope="module")
def send():
    """Sends requests to one service on the shipped store."""
    app = create_app(Settings(store=STORE.root, rescan_s=0, access_log_share=0))
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
        yield lambda method, path, **options: runner.run(client.request(method, path, **options))
        runner.run(client.aclose())
        runner.run(lifespan.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def ask(send):
    return lambda path, **options: send("POST", path, **options)


@pytest.fixture(scope="module")
def opened():
    found = {}
    return lambda name: found.setdefault(name, pofx.load(name, store=STORE.root))


def items_of(model):
    """Real items among the golden vectors of the bundle, complete, shifted so that there are more than stored."""
    with np.load(io.BytesIO(model.loaded.source.read_bytes(model.info.golden.file)), allow_pickle=False) as stored:
        real = stored[f"{model.info.score.graph}.in.{model.info.input.kind}"]
    if model.info.input.kind == "row":
        return np.concatenate([real[~np.isnan(real).any(1)] * factor for factor in (1, 1.01, 0.98)]).astype(np.float32)
    shifted = np.concatenate([np.roll(real, shift, axis=1) for shift in range(2)])
    return shifted[:2] if model.info.input.kind == "audio" else shifted  # a recording takes a second of the device


def array(response):
    assert response.status_code == 200, response.text
    return np.load(io.BytesIO(response.content), allow_pickle=False)


@pytest.mark.parametrize("name", names_that(lambda manifest: manifest.score))
def test_scores_are_the_same(opened, ask, name):
    items = items_of(opened(name))
    headers = {"content-type": NPY, "accept": NPY}
    answer = array(ask(f"/score?model={name}&fdr=0.5", content=encode_npy(items), headers=headers))
    for column, values in opened(name).score(items, fdr=0.5).scores.columns().items():
        assert np.array_equal(answer[column], np.ma.getdata(values)), column


@pytest.mark.parametrize("name", names_that(explains))
def test_maps_are_the_same(opened, ask, name):
    items = items_of(opened(name))[:1]
    answer = ask(f"/score?model={name}&explain=true", content=encode_npy(items), headers={"content-type": NPY})
    for result, surprise in zip(answer.json()["results"], opened(name).score(items, explain=True).maps, strict=True):
        assert np.array_equal(values_of(result["map"], opened(name).info.input), surprise.reshape(-1))


def values_of(places, spec):
    """The numbers of a map in the order of the dimensions."""
    if spec.kind != "row":
        return np.ravel(places["values"])
    by_name = {item["column"]: item["surprise"] for item in places["columns"]}
    return np.array([by_name[column.name] for column in spec.columns])


@pytest.mark.parametrize("name", names_that(lambda manifest: manifest.generate))
def test_samples_are_the_same(opened, ask, name):
    n = 1 if opened(name).info.input.kind == "audio" else 3
    answer = array(ask("/generate", json={"model": name, "n": n, "seed": 11}, headers={"accept": NPY}))
    assert np.array_equal(answer, opened(name).sample(n, seed=11).values)


@pytest.mark.parametrize("name", names_that(lambda manifest: manifest.encode))
def test_codes_are_the_same(opened, ask, name):
    items = items_of(opened(name))
    headers = {"content-type": NPY, "accept": NPY}
    answer = array(ask(f"/encode?model={name}", content=encode_npy(items), headers=headers))
    assert np.array_equal(answer, opened(name).encode(items))


def examples_of(document):
    """Method, address, query and body of every example of a description, and of every route that needs none."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parameters = operation.get("parameters", ())
            given = {item["name"]: item.get("example") for item in parameters}
            query = {
                item["name"]: item["example"] for item in parameters if item["in"] == "query" and "example" in item
            }
            bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in bodies.get("examples", {"none": {"value": None}}).values():
                yield method, path.format(**given), query, example["value"]


def test_every_example_of_the_description_is_answered(send):
    """But for the one that writes a bundle: its test is beside those of /calibrate."""
    asked = [item for item in examples_of(send("GET", "/openapi.json").json()) if item[1] != "/calibrate"]
    assert {"/score", "/generate", "/encode"} <= {path for _, path, _, body in asked if body}
    for method, path, query, body in asked:
        answer = send(method, path, params=query, **({} if body is None else {"json": body}))
        assert answer.status_code == 200, (method, path, body, answer.text)
