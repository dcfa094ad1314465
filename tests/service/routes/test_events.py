"""POST /generate as a stream of events: how far it is, then the answer or what went wrong."""

import base64
import io
import json
import threading

import pytest
from PIL import Image

from service.engine import threads
from service.engine.prices import Price

MODELS = ("tiny-made", "tiny-vae", "tiny-gan", "tiny-table", "tiny-text", "tiny-audio")


def stream(client, **body):
    answer = client.post("/generate", json=body, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream"
    events = [dict(line.split(": ", 1) for line in part.splitlines()) for part in answer.text.split("\n\n")[:-1]]
    return [(event["event"], json.loads(event["data"])) for event in events]


@pytest.mark.parametrize("model", MODELS)
def test_the_last_event_is_the_usual_answer(client, model):
    body = {"model": model, "n": 3, "seed": 5}
    *before, (last, answer) = stream(client, **body)
    assert (last, answer) == ("answer", client.post("/generate", json=body).json())
    assert {name for name, _ in before} == {"progress"}
    told = [data["progress"] for _, data in before]
    assert told[0] == 0
    assert told == sorted(told)


def test_what_is_drawn_so_far_is_a_picture(client):
    _, told = stream(client, model="tiny-made", n=3)[0]
    assert Image.open(io.BytesIO(base64.b64decode(told["image"]))).format == "PNG"


def test_what_is_refused_is_refused_as_always(client):
    for body, status in (({"model": "nobody"}, 404), ({"model": "tiny-made", "n": 10**6}, 413)):
        answer = client.post("/generate", json=body, headers={"Accept": "text/event-stream"})
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_fails_later_is_an_event(client, monkeypatch):
    def fail(batch):
        raise RuntimeError("no")

    monkeypatch.setattr(threads, "_execute", fail)
    name, problem = stream(client, model="tiny-made")[-1]
    assert (name, problem["status"]) == ("error", 500)


def test_the_deadline_is_an_event(serve, monkeypatch):
    with serve(deadline_s=0.1) as client:
        graph = client.app.state.services.registry.find("tiny-made").graphs["propose"]
        client.app.state.services.registry.prices._known[graph] = Price(1e-9, 1e-9)
        monkeypatch.setattr(threads, "_execute", lambda batch: threading.Event().wait(0.3))
        name, problem = stream(client, model="tiny-made")[-1]
    assert (name, problem["status"]) == ("error", 504)
