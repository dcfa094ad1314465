"""Drift over HTTP: what was scored is counted once, experiments are not, and an alarm is shown everywhere."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter

from service.drift.watch import Watch
from service.schemas.drift import DriftReport

PATH = "/models/tiny-table/drift"


@pytest.fixture
def served(serve):
    """A service that nobody else sends items to."""
    with serve() as found:
        yield found


def send(client, rows, **options):
    buffer = io.BytesIO()
    np.save(buffer, rows)
    answer = client.post(
        "/score",
        params={"model": "tiny-table", **options},
        content=buffer.getvalue(),
        headers={"Content-Type": "application/x-npy"},
    )
    assert answer.status_code == 200, answer.text
    return answer


def drift(client):
    answer = client.get(PATH)
    assert answer.status_code == 200, answer.text
    return answer.json()


def gauges(client):
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    return {
        sample.name: sample.value
        for sample in samples
        if sample.name.startswith("pofx_drift_") and sample.labels == {"model": "tiny-table", "version": "1"}
    }


def normal_rows(count, seed=0):
    return np.random.default_rng(seed).standard_normal((count, 3)).astype(np.float32)


def test_every_scored_item_is_counted_once(served):
    assert drift(served)["items"] == 0
    send(served, normal_rows(10))
    send(served, normal_rows(1), alpha=0.1, explain="true")
    body = {"model": "tiny-table", "inputs": [{"array": [0.0, 0.1, 0.2]}]}
    assert served.post("/score", json=body).status_code == 200
    assert drift(served)["items"] == 12
    assert drift(served)["items"] == 12


def test_what_should_not_count_does_not(served):
    send(served, normal_rows(10), watch="false")
    body = {"model": "tiny-table", "inputs": [{"array": [9, 9, 9]}]}
    assert served.post("/score", json={**body, "watch": False}).status_code == 200
    assert served.post("/score", json={**body, "alpha": 1e-9}).status_code == 422
    assert served.post("/score", json={**body, "inputs": [{"array": [9]}]}).status_code == 422
    assert drift(served)["items"] == 0


def test_a_shift_is_seen_in_report_metrics_and_picture_until_it_is_reset(served):
    send(served, normal_rows(300) * 4)
    report = drift(served)
    assert report["alarm"]
    assert 0 < report["alarm_item"] <= 300
    assert report["martingale"]["log10"] >= report["martingale"]["log10_threshold"] == pytest.approx(3)
    assert report["window"]["items"] == sum(report["histogram"]["counts"]) == 300
    assert report["window"]["ks_p_value"] < 1e-6
    assert report["histogram"]["expected"] == 30
    assert "alarm" in report["meaning"]
    assert gauges(served) == {
        "pofx_drift_items": 300,
        "pofx_drift_passed_over": 0,
        "pofx_drift_log10_martingale": pytest.approx(report["martingale"]["log10"]),
        "pofx_drift_alarm": 1,
        "pofx_drift_ks": pytest.approx(report["window"]["ks_distance"]),
        "pofx_drift_ks_p_value": pytest.approx(report["window"]["ks_p_value"]),
    }
    picture = served.get(PATH, headers={"Accept": "image/png"})
    assert Image.open(io.BytesIO(picture.content)).format == "PNG"
    reset = served.post(f"{PATH}/reset").json()
    assert (reset["items"], reset["alarm"], drift(served)["items"]) == (0, False, 0)
    assert gauges(served)["pofx_drift_alarm"] == 0


def test_items_as_in_calibration_raise_no_alarm(served):
    for seed in range(20):
        send(served, normal_rows(100, seed + 10))
    report = drift(served)
    assert (report["items"], report["alarm"], report["alarm_item"]) == (2000, False, None)
    assert report["window"]["items"] == 1000


def test_a_report_has_the_documented_shape(served):
    empty = served.get(PATH)
    send(served, normal_rows(30))
    for answer in (empty, served.get(PATH), served.post(f"{PATH}/reset")):
        TypeAdapter(DriftReport).validate_json(answer.content, extra="forbid")
        assert json.loads(answer.content)["meaning"]


def test_models_without_a_score_or_name_are_refused(client):
    assert client.get("/models/tiny-gan/drift").status_code == 409
    assert client.get("/models/nope/drift").status_code == 404
    assert client.post("/models/tiny-gan/drift/reset").status_code == 409
    assert client.get(PATH, headers={"Accept": "text/html"}).status_code == 406


def test_it_can_be_switched_off(serve):
    with serve(drift=False) as quiet:
        send(quiet, normal_rows(10))
        refused = quiet.get(PATH)
        assert refused.status_code == 409
        assert "SERVICE_DRIFT=true" in refused.json()["detail"]
        assert gauges(quiet) == {}


def test_a_fault_in_the_watch_never_fails_a_request(served, monkeypatch, caplog):
    expected = send(served, normal_rows(600), watch="false").content
    monkeypatch.setattr(Watch, "fold", lambda _: 1 / 0)
    assert send(served, normal_rows(600)).content == expected
    served.app.state.services.executor.shutdown()  # once the work it was given is done
    assert any("cannot watch the drift of tiny-table:1" in record.message for record in caplog.records)
