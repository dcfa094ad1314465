"""The OpenAPI description is complete, and no request that follows it, or does not, gets a 5xx."""

import re

import hypothesis
import pytest
import requests
import schemathesis
from pydantic import TypeAdapter

from service import problems
from service.schemas.generate import GenerateAnswer
from service.schemas.score import ScoreAnswer


def test_every_error_of_the_table_is_documented(client):
    document = client.get("/openapi.json").json()
    for path, good in (("/score", 200), ("/generate", 200), ("/encode", 200), ("/calibrate", 201)):
        documented = {int(status) for status in document["paths"][path]["post"]["responses"]}
        for_operators = {403} if path != "/calibrate" else set()
        assert {kind.status for kind in problems.TABLE.values()} - {499} - for_operators <= documented | {500}
        assert {status for status in documented if status < 300} == {good}
    assert set(document["paths"]["/score"]["post"]["requestBody"]["content"]) >= {
        "application/json",
        "image/png",
        "audio/wav",
        "multipart/form-data",
        "text/csv",
        "text/plain",
        "application/x-npy",
        "application/vnd.apache.parquet",
    }


def test_every_reference_resolves(client):
    document = client.get("/openapi.json").json()
    text = client.get("/openapi.json").text
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"]


def test_no_error_is_documented_in_another_form_than_a_problem(client):
    assert "HTTPValidationError" not in client.get("/openapi.json").text


SIX = [[0] * 6] * 6
DOCUMENTED = [
    ("/score", ScoreAnswer, {"model": "tiny-made", "explain": True, "inputs": [{"array": SIX}]}),
    ("/score", ScoreAnswer, {"model": "tiny-table", "explain": True, "inputs": [{"array": [0, 1, 2]}]}),
    (
        "/score",
        ScoreAnswer,
        {"model": "tiny-table", "fdr": 0.1, "inputs": [{"array": [0, 1, 2]}, {"array": [99, 99, 99]}]},
    ),
    ("/score", ScoreAnswer, {"model": "tiny-audio", "explain": True, "inputs": [{"array": [0] * 40}]}),
    ("/score", ScoreAnswer, {"model": "tiny-text", "explain": True, "inputs": [{"text": "ban"}]}),
    ("/generate", GenerateAnswer, {"model": "tiny-made", "condition": {"array": SIX, "mask": [*SIX[:5], [1] * 6]}}),
    ("/generate", GenerateAnswer, {"model": "tiny-table"}),
    ("/generate", GenerateAnswer, {"model": "tiny-audio", "condition": {"array": [0]}}),
    ("/generate", GenerateAnswer, {"model": "tiny-text", "condition": {"text": "b"}}),
]


@pytest.mark.parametrize(("path", "schema", "body"), DOCUMENTED)
def test_an_answer_has_the_documented_shape(client, path, schema, body):
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    TypeAdapter(schema).validate_json(answer.content, extra="forbid")


def test_generated_requests_never_get_a_server_error(app, client):
    schema = schemathesis.openapi.from_dict(app.openapi())
    settings = hypothesis.settings(
        max_examples=15,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    for operation in schema.get_all_operations():
        _fuzz(operation.ok(), client, settings)


def _fuzz(operation, client, settings):
    @settings
    @hypothesis.given(case=operation.as_strategy())
    def run(case):
        request = requests.Request(**case.as_transport_kwargs(base_url="http://test")).prepare()
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        answer = client.run(
            client.http.request(request.method, request.url, content=body, headers=dict(request.headers))
        )
        assert answer.status_code < 500, (answer.text, body)

    run()


def test_the_page_for_people_loads_nothing_from_elsewhere(client):
    page = client.get("/docs").text
    links = re.findall(r"(?:src|href)=\"([^\"]+)", page)
    assert len(links) >= 3
    assert all(link.startswith("docs/static/") for link in links)
    assert [client.get(link).status_code for link in links] == [200] * len(links)
