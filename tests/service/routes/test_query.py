"""Options in the query string of a JSON request count, and never contradict the body without a word."""

import csv
import io

import pytest

ROW = {"array": [0.1, 0.2, 0.3]}


def score(client, query, **body):
    return client.post(f"/score?{query}", json={"model": "tiny-table", "inputs": [ROW], **body})


def test_options_of_the_query_count(client):
    used = score(client, "alpha=0.2&verdict=distance&promise=pac&fdr=0.5&explain=true").json()
    assert (used["calibration"]["alpha"], used["calibration"]["verdict_by"]) == (0.2, "distance")
    assert used["calibration"]["promise"] == "pac"
    assert used["multiple_testing"]["fdr"] == 0.5
    assert "map" in used["results"][0]
    named = client.post("/score?model=tiny-table", json={"inputs": [ROW]})
    assert named.json()["model"] == "tiny-table"


def test_saying_the_same_twice_is_no_contradiction(client):
    assert score(client, "model=tiny-table&alpha=0.2", alpha=0.2).status_code == 200


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("alpha=0.2", "/alpha"),
        ("model=nope", "/model"),
        ("alpha=banana", "/alpha"),
        ("nonsense=1", "/nonsense"),
        ("verdict=nonsense", "/verdict"),
    ],
)
def test_contradictions_and_nonsense_are_refused(client, query, pointer):
    answer = score(client, query, alpha=0.1)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_generate_and_encode_read_the_query_too(client):
    drawn = client.post("/generate?n=3&seed=5&temperature=0.5&format=array", json={"model": "tiny-made"}).json()
    said = {"model": "tiny-made", "n": 3, "seed": 5, "temperature": 0.5, "format": "array"}
    assert drawn == client.post("/generate", json=said).json()
    assert client.post("/generate?n=banana", json={"model": "tiny-made"}).status_code == 422
    assert client.post("/generate?temperature=2", json={"model": "tiny-made", "temperature": 1}).status_code == 422
    assert client.post("/generate?hue=1", json={"model": "tiny-made"}).json()["errors"][0]["pointer"] == "/hue"
    assert client.post("/encode?model=tiny-table", json={"inputs": [ROW]}).json()["model"] == "tiny-table"


def test_a_table_answers_explain_with_the_reason(client):
    headers = {"content-type": "text/csv", "accept": "text/csv"}
    text = "alcohol,ash,hue\n0,0,5\n3,0,0\n"
    answer = client.post("/score?model=tiny-table&explain=true", content=text, headers=headers)
    found = [line["reason"].split(" (")[0] for line in csv.DictReader(io.StringIO(answer.text))]
    assert found == ["hue", "alcohol"]
