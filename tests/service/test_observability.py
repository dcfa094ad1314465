"""Every request is counted once, named, timed, and nothing unexpected leaks out."""

import asyncio
import json
import logging
import re

import httpx
import pytest

from service.app import create_app
from service.observability import JsonLines, PlainLines


def counted(client, **labels):
    text = client.get("/metrics").text
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    lines = [line for line in text.splitlines() if line.startswith("pofx_request_seconds_count")]
    return sum(float(line.split()[-1]) for line in lines if all(part in line for part in wanted))


@pytest.mark.parametrize(
    ("path", "body", "labels"),
    [
        ("/generate", {"model": "tiny-made"}, {"endpoint": "/generate", "model": "tiny-made", "status": "200"}),
        ("/score", {"model": "tiny-gan", "inputs": [{"array": []}]}, {"endpoint": "/score", "status": "409"}),
        ("/nowhere", {}, {"endpoint": "unmatched", "status": "404"}),
    ],
)
def test_a_request_is_counted_exactly_once(client, path, body, labels):
    before = counted(client, **labels)
    client.post(path, json=body)
    assert counted(client, **labels) == before + 1


def test_stages_are_reported_in_header_and_metrics(client):
    answer = client.post("/generate", json={"model": "tiny-made"})
    stages = dict(re.findall(r"(\w+);dur=([\d.]+)", answer.headers["server-timing"]))
    assert set(stages) == {"queue", "decode", "device", "encode"}
    text = client.get("/metrics").text
    assert 'pofx_stage_seconds_count{model="tiny-made",stage="device",version="1"}' in text
    loaded = len(client.get("/models").json()["models"])
    assert f'pofx_models{{state="loaded"}} {loaded}.0' in text
    assert "pofx_rejected_total{reason=" in text


def test_a_request_id_is_kept_or_made(client):
    assert client.get("/models", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    made = [client.get("/models", headers={"X-Request-ID": "bad id\t"}).headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1]
    assert "bad" not in made[0]


def test_two_applications_do_not_share_metrics(settings, client):
    client.get("/models")
    assert b"pofx_request_seconds_count" not in create_app(settings()).state.services.metrics.text()


def test_an_unexpected_error_is_a_problem_without_details(settings, monkeypatch, caplog):
    app = create_app(settings())
    monkeypatch.setattr(app.state.services.registry, "choose", lambda *_: 1 / 0)

    async def run():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            return await http.post("/generate", json={})

    with caplog.at_level(logging.CRITICAL + 1):
        answer = asyncio.run(run())
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ZeroDivision" not in answer.text
    assert answer.headers["x-request-id"] in answer.text


@pytest.mark.parametrize("formatter", [JsonLines(), PlainLines()])
def test_a_log_record_is_one_line(formatter):
    record = logging.makeLogRecord({"name": "service.access", "request": {"path": "/score", "status": 200}})
    line = formatter.format(record)
    assert "\n" not in line
    assert "/score" in line
    if isinstance(formatter, JsonLines):
        assert json.loads(line)["status"] == 200
