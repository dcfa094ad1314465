"""Ready says which models are loaded; one that is still to come is another matter than one that is not there."""

import pytest

from pofx.bundle import Reference
from service.app import create_app
from service.engine.registry import Registry
from service.engine.stock import Refused, Stock

LOADING = (Reference("tiny-made", 1), Reference("another", 2))


@pytest.fixture
def half_loaded(client, app, settings):
    """Serves the tiny store as if some of it were still to be loaded."""

    def make(ready, names=("tiny-table",)):
        models = {name: app.state.services.registry.models[name] for name in names}
        stock = Stock(models, refused=(Refused("broken", 1, "why"),), meant=dict.fromkeys(models, 1), loading=LOADING)
        return type(client)(create_app(settings(ready=ready, rescan_s=0), Registry(stock)))

    return make


def test_ready_when_every_bundle_was_tried(client):
    answer = client.get("/health/ready").json()
    assert (answer["status"], answer["loading"], answer["refused"]) == ("ready", [], [])


def test_not_ready_while_bundles_are_still_to_be_tried(half_loaded):
    with half_loaded("all") as client:
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        told = {name: answer.json()[name] for name in ("models", "loading", "refused")}
        assert told == {"models": 1, "loading": ["tiny-made:1", "another:2"], "refused": ["broken:1: why"]}
        assert client.get("/health/live").status_code == 200


def test_one_model_is_enough_where_any_is_asked_for(half_loaded):
    with half_loaded("any") as client:
        answer = client.get("/health/ready").json()
        assert (answer["models"], answer["loading"]) == (1, ["tiny-made:1", "another:2"])
    with half_loaded("any", names=()) as client:
        assert client.get("/health/ready").status_code == 503


def test_a_loaded_model_answers_and_one_that_is_still_loading_says_when_to_ask_again(half_loaded):
    with half_loaded("all") as client:
        assert client.post("/generate", json={"model": "tiny-table", "n": 1}).status_code == 200
        for name in ("tiny-made", "tiny-made:1", "another"):
            answer = client.post("/generate", json={"model": name, "n": 1})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["type"] == "urn:pofx:problem:still-loading"
        assert client.post("/generate", json={"model": "another:1", "n": 1}).status_code == 404
        assert client.get("/models").json()["loading"] == ["tiny-made:1", "another:2"]


def test_an_application_that_starts_at_once_loads_the_store_and_gets_ready(client, settings):
    with type(client)(create_app(settings(), at_once=True)) as fresh:
        services = fresh.app.state.services
        fresh.run(services.look_for_bundles())  # waits for the first look, which has begun
        assert fresh.get("/health/ready").json()["models"] == len(services.registry.all()) > 1


def test_with_little_memory_every_model_answers_the_same(client, serve):
    with serve(model_memory_mib=1) as small:
        for name, versions in small.app.state.services.registry.models.items():
            for version, model in versions.items():
                if model.manifest.generate is not None:
                    ask = {"json": {"model": f"{name}:{version}", "n": 2, "seed": 3}}
                    assert small.post("/generate", **ask).content == client.post("/generate", **ask).content
