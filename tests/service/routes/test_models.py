"""GET /models and probes: what a client and an operator need."""

import asyncio

import pytest

from pofx import bundle
from service.app import create_app
from service.engine.registry import Registry
from service.engine.stock import Refused, Stock


def test_every_model_is_described_completely(client):
    listed = client.get("/models").json()
    assert [model["name"] for model in listed["models"]] == [
        "tiny-audio",
        "tiny-gan",
        "tiny-labels",
        "tiny-made",
        "tiny-pca",
        "tiny-table",
        "tiny-text",
        "tiny-told",
        "tiny-translation",
        "tiny-vae",
    ]
    for model in listed["models"]:
        one = client.get(f"/models/{model['name']}:1").json()
        assert one == model
        assert len(one["manifest_sha256"]) == 64
        assert all(graph["provider"] == "CPUExecutionProvider" for graph in one["graphs"].values())
    made = listed["models"][3]
    assert made["generate"]["options"][0]["maximum"] == 2.0
    assert made["score"]["calibration"]["smallest_p_value"] == 0.005


def test_cards_are_served_and_missing_files_are_not(client):
    assert client.get("/models/tiny-made/card").text == "# tiny\n"
    assert client.get("/models/tiny-made/samples.png").status_code == 404
    assert client.get("/models/nope/card").status_code == 404
    assert client.get("/models/..%2f..%2fetc/card").status_code == 404


def test_refused_bundles_are_shown_with_their_reason(settings, tmp_path):
    app = create_app(settings(), Registry(Stock(refused=(Refused("broken", 1, "why"),))))
    answers = asyncio.run(_get(app, "/models", "/health/ready", "/health/live"))
    assert answers[0].json()["refused"] == [{"name": "broken", "version": 1, "reason": "why"}]
    assert answers[1].status_code == 503
    assert answers[1].json()["refused"] == ["broken:1: why"]
    assert answers[2].status_code == 200


@pytest.fixture
def own(tmp_path, drafts):
    """A store with two versions of a model, the second with another calibration."""
    found = bundle.Store(tmp_path)
    draft = drafts["table"]()
    draft.write(found)
    calibration = draft.capabilities["score"].calibration.model_copy(update={"data": "other rows"})
    draft.capabilities["score"] = draft.capabilities["score"].model_copy(update={"calibration": calibration})
    draft.write(found)
    return found


def test_what_happens_to_the_store_is_told_newest_first(serve, own):
    with serve(store=own.root, rescan_s=0) as client:
        look = client.app.state.services.look_for_bundles
        listed = client.get("/models").json()
        assert [(event["what"], event["version"]) for event in listed["events"]] == [("loaded", 1), ("loaded", 2)]
        assert (listed["models"][0]["version"], listed["models"][0]["promoted"]) == (2, None)
        own.promote("tiny-table", 1)
        client.run(look())
        listed = client.get("/models").json()
        (model,) = listed["models"]
        assert (model["version"], model["promoted"], model["name_means"], model["versions"]) == (1, 1, 1, [1, 2])
        assert client.get("/models/tiny-table:2").json()["name_means"] == 1
        own.remove("tiny-table", 2)
        client.run(look())
        latest, before, *_ = client.get("/models").json()["events"]
        assert (latest["what"], latest["version"], before["what"]) == ("removed", 2, "promoted")
        assert latest["at"].endswith("+00:00")
        gone = client.get("/models/tiny-table:2")
        assert gone.status_code == 404
        assert "tiny-table:2 was removed from the store" in gone.json()["detail"]
        assert client.get("/metrics").text.count('pofx_models{state="loaded"} 1.0') == 1


def test_a_request_in_flight_keeps_the_model_that_is_removed(serve, own):
    with serve(store=own.root, rescan_s=0) as client:
        services = client.app.state.services
        inputs = {"model": "tiny-table:2", "inputs": [{"array": [0.0, 0.0, 0.0]}]}
        found = services.device._submit
        removed = []

        async def answered():
            request = asyncio.ensure_future(client.http.post("/score", json=inputs))
            while not removed:
                await asyncio.sleep(0)
            await services.look_for_bundles()
            found(removed[0])
            return await request

        services.device._submit = lambda job: (own.remove("tiny-table", 2), removed.append(job))
        answer = client.run(answered())
        assert answer.status_code == 200
        services.device._submit = found
        assert client.post("/score", json=inputs).status_code == 404


def test_a_replaced_model_is_watched_for_drift_from_the_beginning(serve, own):
    with serve(store=own.root, rescan_s=0) as client:
        services = client.app.state.services
        before = services.drift.of(services.registry.find("tiny-table:2"))
        manifest = own.folder("tiny-table", 2) / "manifest.json"
        manifest.write_text(manifest.read_text().replace("a tiny model", "another tiny model"))
        client.run(services.look_for_bundles())
        replaced = services.registry.find("tiny-table:2")
        assert replaced.manifest.summary == "another tiny model for tests"
        assert services.drift.of(replaced) is services.drift.of(replaced) is not before


def test_two_versions_are_compared_side_by_side(serve, own):
    with serve(store=own.root, rescan_s=0) as client:
        answer = client.get("/models/tiny-table/compare", params={"with": "1"}).json()
        assert (answer["model"], answer["compared_with"]) == ("tiny-table:2", "tiny-table:1")
        assert answer["differences"] == {
            "calibration": [{"what": "data", "model": "other rows", "compared_with": "random"}]
        }
        assert {"input", "statistics", "metrics", "graphs"} < set(answer["same"])
        same = client.get("/models/tiny-table:1/compare", params={"with": "tiny-table:1"}).json()
        assert same["differences"] == {}
        missing = client.get("/models/tiny-table/compare")
        assert missing.status_code == 422
        assert missing.json()["errors"][0]["pointer"] == "/query/with"
        assert client.get("/models/tiny-table/compare", params={"with": "7"}).status_code == 404


def test_models_of_different_kinds_can_be_compared_too(client):
    answer = client.get("/models/tiny-made/compare", params={"with": "tiny-text"}).json()
    kind = {"what": "kind", "model": "image", "compared_with": "text"}
    assert kind in answer["differences"]["input"]


def test_a_draining_service_is_not_ready_but_alive(settings):
    app = create_app(settings())

    async def scenario():
        async with app.router.lifespan_context(app):
            app.state.services.draining = True
            return await _requests(app, "/health/ready", "/health/live")

    ready, live = asyncio.run(scenario())
    assert ready.status_code == 503
    assert ready.headers["connection"] == "close"
    assert live.status_code == 200


def test_a_stalled_device_is_not_alive(client, app, monkeypatch):
    monkeypatch.setattr(app.state.services.device, "_busy_since", {0: -1e9})
    assert client.get("/health/live").status_code == 503


async def _get(app, *paths):
    async with app.router.lifespan_context(app):
        return await _requests(app, *paths)


async def _requests(app, *paths):
    import httpx

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        return [await http.get(path) for path in paths]
