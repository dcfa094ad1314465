"""GET /models and probes: what a client and an operator need."""

import asyncio

from service.app import create_app


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
    from service.engine.registry import Refused, Registry

    app = create_app(settings(), Registry(refused=[Refused("broken", 1, "why")]))
    answers = asyncio.run(_get(app, "/models", "/health/ready", "/health/live"))
    assert answers[0].json()["refused"] == [{"name": "broken", "version": 1, "reason": "why"}]
    assert answers[1].status_code == 503
    assert answers[1].json()["refused"] == ["broken:1: why"]
    assert answers[2].status_code == 200


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
    monkeypatch.setattr(app.state.services.batcher, "_busy_since", -1e9)
    assert client.get("/health/live").status_code == 503


async def _get(app, *paths):
    async with app.router.lifespan_context(app):
        return await _requests(app, *paths)


async def _requests(app, *paths):
    import httpx

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        return [await http.get(path) for path in paths]
