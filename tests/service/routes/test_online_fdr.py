"""Discoveries across requests: one stream for each key and model, whatever the requests are cut into."""

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter

import pofx
from service.schemas.online_fdr import OnlineFdrReport
from service.schemas.score import ScoreAnswer

PATH = "/models/tiny-table/online-fdr"
ODD = np.random.default_rng(0).random(120) < 0.4


@pytest.fixture
def items():
    """A hundred and twenty rows, of which every few are far from all others."""
    rows = np.random.default_rng(1).standard_normal((120, 3))
    rows[ODD] += 50
    return rows.tolist()


def ask(client, rows, key="", **options):
    body = {"model": "tiny-table", "fdr": 0.2, "control": "online", "watch": False, **options}
    headers = {"X-API-Key": key} if key else {}
    return client.post("/score", json=body | {"inputs": [{"array": row} for row in rows]}, headers=headers)


def found(answer):
    return [item["discovery"] for item in answer.json()["results"]]


def test_one_item_a_request_is_decided_as_all_at_once_and_as_by_the_library(serve, items, store):
    model = pofx.load("tiny-table", store=store.root)
    stream = model.online_fdr(0.2)
    expected = model.score(np.array(items, np.float32), fdr=stream)
    with serve() as served:
        singly = [found(ask(served, [row]))[0] for row in items[:40]]
        rest = ask(served, items[40:])
        assert singly + found(rest) == expected.discovery.tolist()
        assert expected.discovery[ODD].mean() > 0.8
        TypeAdapter(ScoreAnswer).validate_json(rest.content, extra="forbid")
        told = rest.json()["multiple_testing"]
        now = stream.stream
        assert told["stream"] == {
            "tests": 120,
            "discoveries": now.discoveries,
            "level": now.level,
            "left": now.left,
        }
        assert (told["control"], told["tests"], told["threshold"]) == ("online", 80, None)
        for item in rest.json()["results"]:
            assert item["discovery"] == (item["p_value"] <= item["level"] * (1 + 1e-9))
        report = served.get(PATH)
        TypeAdapter(OnlineFdrReport).validate_json(report.content, extra="forbid")
        assert (report.json()["tests"], report.json()["fdr"]) == (120, 0.2)


def test_a_stream_is_that_of_its_key_and_is_begun_anew_by_a_reset(serve, items):
    with serve(api_keys="one,two") as served:
        ask(served, items[:30], "one")
        ask(served, items[:7], "two")

        def tests(key):
            return served.get(PATH, headers={"X-API-Key": key}).json()["tests"]

        assert (tests("one"), tests("two")) == (30, 7)
        metrics = {
            sample.name: sample.value
            for family in text_string_to_metric_families(served.get("/metrics", headers={"X-API-Key": "one"}).text)
            for sample in family.samples
        }
        assert (metrics["pofx_online_fdr_streams"], metrics["pofx_online_fdr_tests"]) == (2, 37)
        assert served.post(f"{PATH}/reset", headers={"X-API-Key": "one"}).json()["fdr"] is None
        assert (tests("one"), tests("two")) == (0, 7)


def test_what_would_mix_promises_is_refused_and_leaves_the_stream_as_it_is(serve, items):
    with serve() as served:
        assert ask(served, items[:5]).status_code == 200
        for options, words in (
            ({"fdr": 0.1}, "fdr: this stream is one of 0.2, got 0.1"),
            ({"verdict": "distance"}, "statistic: this stream is one of log_prob, got distance"),
            ({"fdr": None}, "control online: expected fdr"),
            ({"control": "always"}, "control: expected 'request' or 'online'"),
        ):
            refused = ask(served, items[:5], **options)
            assert refused.status_code == 422, options
            assert words in refused.json()["detail"] or "'request' or 'online'" in refused.text
        assert served.get(PATH).json()["tests"] == 5
        assert served.get("/models/tiny-gan/online-fdr").status_code == 409
        assert ask(served, items[:1], fdr=0.005).status_code == 422


def test_a_stream_that_can_find_nothing_more_says_how_to_get_one_that_can(serve):
    with serve() as served:
        (note,) = ask(served, [[0.0, 0.0, 0.0]] * 30).json()["notes"]
        assert "data.split.calibration of the recipe" in note
        assert "can discover nothing more" in served.get(PATH).json()["meaning"]
        assert not any(found(ask(served, [[50.0, 50.0, 50.0]] * 5)))
