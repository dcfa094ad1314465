"""Texts over HTTP: in and out as characters, lines or codes."""

import io

import numpy as np
import pytest

NPY = {"Content-Type": "application/x-npy"}
PLAIN = {"Content-Type": "text/plain"}
TEXTS = ["banana", "ab", "", "n"]
CODES = np.array([[2, 1, 3, 1, 3, 1], [1, 2, 0, 0, 0, 0], [0] * 6, [3, 0, 0, 0, 0, 0]], np.uint8)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def log_probs(answer):
    assert answer.status_code == 200, answer.text
    return [item["log_prob"] for item in answer.json()["results"]]


def test_every_form_of_texts_gets_the_same_scores(client):
    def ask(items):
        return log_probs(client.post("/score", json={"model": "tiny-text", "inputs": items}))

    path = "/score?model=tiny-text"
    expected = ask([{"text": text} for text in TEXTS])
    draws = [min(len(text) + 1, 6) for text in TEXTS]  # an end is drawn too, unless the text is full
    np.testing.assert_allclose(expected, -np.array(draws) * np.log(4), rtol=1e-5)
    assert ask([{"array": codes.tolist()} for codes in CODES]) == expected
    assert log_probs(client.post(path, content="\n".join(TEXTS), headers=PLAIN)) == expected
    assert log_probs(client.post(path, content=npy(CODES), headers=NPY)) == expected


def test_a_map_has_the_characters_in_order_and_the_end(client):
    items = [{"text": text} for text in TEXTS]
    answer = client.post("/score", json={"model": "tiny-text", "explain": True, "inputs": items}).json()
    for text, item in zip(TEXTS, answer["results"], strict=True):
        characters = item["map"]["characters"]
        assert [part["character"] for part in characters] == [*text, *([""] if len(text) < 6 else [])]
        assert -sum(part["surprise"] for part in characters) == pytest.approx(item["log_prob"], rel=1e-5)


def generate(client, accept="application/json", **body):
    answer = client.post("/generate", json={"model": "tiny-text", **body}, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def test_every_form_has_the_same_samples(client):
    body = {"n": 30, "seed": 3}
    texts = [sample["text"] for sample in generate(client, **body).json()["samples"]]
    assert {len(text) for text in texts} >= {0, 1, 2}
    assert set("".join(texts)) == set("abn")
    assert generate(client, "text/plain", **body).text == "".join(f"{text}\n" for text in texts)
    codes = np.load(io.BytesIO(generate(client, "application/x-npy", **body).content))
    assert (codes.dtype, codes.shape) == (np.uint8, (30, 6))
    items = [{"text": text} for text in texts]
    assert log_probs(client.post("/score?model=tiny-text", content=npy(codes), headers=NPY)) == log_probs(
        client.post("/score", json={"model": "tiny-text", "inputs": items})
    )


@pytest.mark.parametrize("condition", [{"text": "ban"}, {"array": [2, 1, 3]}])
def test_a_beginning_is_kept(client, condition):
    answer = generate(client, n=20, seed=3, condition=condition).json()
    texts = [sample["text"] for sample in answer["samples"]]
    assert all(text.startswith("ban") for text in texts)
    assert len(set(texts)) > 3
    assert answer["conditional"] == "exact"


def test_an_ended_text_stays_ended(client):
    answer = generate(client, n=5, condition={"array": [2, 1, 0]}).json()
    assert [sample["text"] for sample in answer["samples"]] == ["ba"] * 5


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"json": {"inputs": [{"text": "a"}, {"text": "bonn"}]}}, 422, "item 1: character 'o' at position 1"),
        (
            {"json": {"inputs": [{"text": "a"}, {"text": "banana!"}]}},
            422,
            "item 1: expected at most 6 characters, got 7",
        ),
        (
            {"json": {"inputs": [{"text": "a"}, {"array": [4, 0, 0, 0, 0, 0]}]}},
            422,
            "item 1: expected codes from 0 to 3",
        ),
        (
            {"json": {"inputs": [{"text": "a"}, {"array": [0, 1, 0, 0, 0, 0]}]}},
            422,
            "item 1: expected only zeros after",
        ),
        ({"json": {"inputs": [{"text": "a"}, {"array": [1]}]}}, 422, "item 1: expected shape (6,), got (1,)"),
        (
            {"content": npy(np.array([[1] * 6, [0, 1, 0, 0, 0, 0]], np.uint8)), "headers": NPY},
            422,
            "item 1: expected only",
        ),
        ({"content": "a\nx\n", "headers": PLAIN}, 422, "item 1: character 'x' at position 0"),
        ({"content": b"a\xff", "headers": PLAIN}, 422, "not UTF-8 at byte 1"),
        (
            {"content": "a,b\n1,2", "headers": {"Content-Type": "text/csv"}},
            415,
            "this model takes texts; send JSON, plain text",
        ),
    ],
)
def test_refusals_are_precise(client, options, status, words):
    if "json" in options:
        options = {"json": {"model": "tiny-text", **options["json"]}}
    answer = client.post("/score" if "json" in options else "/score?model=tiny-text", **options)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    assert answer.json().get("index", 1) == 1


def test_plain_text_is_not_for_models_of_images(client):
    assert client.post("/score?model=tiny-made", content="a", headers=PLAIN).status_code == 415
    assert client.post("/generate", json={"model": "tiny-made"}, headers={"Accept": "text/plain"}).status_code == 406
