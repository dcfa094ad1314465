"""Recordings over HTTP: in and out as WAV, numbers or pictures."""

import base64
import io
import wave

import numpy as np
import pytest
from PIL import Image

from pofx.kinds.audio import encode_wav

RATE_HZ, LENGTH = 400, 40
NPY = {"Content-Type": "application/x-npy"}


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def load(content):
    return np.load(io.BytesIO(content), allow_pickle=False)


def played(content):
    with wave.open(io.BytesIO(content)) as file:
        assert file.getparams()[:3] == (1, 2, RATE_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def b64(content):
    return base64.b64encode(content).decode()


@pytest.fixture
def sounds():
    return np.random.default_rng(2).integers(-3000, 3000, (12, LENGTH)).astype(np.int16)


def log_probs(answer):
    assert answer.status_code == 200, answer.text
    return [item["log_prob"] for item in answer.json()["results"]]


def test_every_form_of_recordings_gets_the_same_scores(client, sounds):
    files = [encode_wav(sound, RATE_HZ) for sound in sounds]
    path = "/score?model=tiny-audio"
    expected = log_probs(client.post(path, content=npy(sounds), headers=NPY))
    np.testing.assert_allclose(expected, -((sounds / 1000.0) ** 2).sum(axis=1) / 2, rtol=1e-5)

    def ask(items):
        return log_probs(client.post("/score", json={"model": "tiny-audio", "inputs": items}))

    assert ask([{"audio": b64(file)} for file in files]) == expected
    assert ask([{"array": sound.tolist()} for sound in sounds]) == expected
    assert log_probs(client.post(path, files=[("files", ("x.wav", file)) for file in files])) == expected
    for kind in ("audio/wav", "audio/x-wav", "audio/wave"):
        assert log_probs(client.post(path, content=files[0], headers={"Content-Type": kind})) == expected[:1]


def test_a_short_recording_is_padded_and_that_is_noted(client, sounds):
    items = [{"audio": b64(encode_wav(sound[:30], RATE_HZ))} for sound in sounds[:2]]
    answer = client.post("/score", json={"model": "tiny-audio", "inputs": items})
    padded = np.pad(sounds[:2, :30], ((0, 0), (0, 10)))
    assert log_probs(answer) == log_probs(client.post("/score?model=tiny-audio", content=npy(padded), headers=NPY))
    assert answer.json()["notes"] == ["padded with silence to 40 samples (0.1 s) (2 of 2 items)"]


def test_a_map_shows_where_in_time_the_surprise_lies(client, sounds):
    quiet = sounds // 100
    quiet[:, 17] = 30_000
    content = npy(quiet)
    answer = client.post("/score?model=tiny-audio&explain=true", content=content, headers=NPY).json()
    for item in answer["results"]:
        found = item["map"]
        assert -np.sum(found["values"]) == pytest.approx(item["log_prob"], rel=1e-5)
        assert len(found["spans"]) == 5
        assert (found["spans"][0]["start_s"], found["spans"][0]["end_s"]) == (0.04, 0.05)  # of four samples each
        assert found["spans"][0]["surprise"] == pytest.approx(450, rel=1e-3)
        assert Image.open(io.BytesIO(base64.b64decode(found["image"]))).mode == "RGB"
        assert found["scale"]["maximum"] == pytest.approx(450, rel=1e-3)
    headers = {**NPY, "Accept": "image/png"}
    sheet = client.post("/score?model=tiny-audio&explain=true", content=content, headers=headers)
    assert Image.open(io.BytesIO(sheet.content)).mode == "RGB"


def generate(client, accept="application/json", **body):
    answer = client.post("/generate", json={"model": "tiny-audio", **body}, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def test_every_form_has_the_same_samples(client):
    body = {"n": 3, "seed": 4}
    expected = load(generate(client, "application/x-npy", **body).content)
    assert (expected.shape, expected.dtype) == ((3, LENGTH), np.int16)
    answer = generate(client, **body).json()["samples"]
    assert np.array_equal([played(base64.b64decode(sample["audio"])) for sample in answer], expected)
    nested = generate(client, **body, format="array").json()["samples"]
    assert np.array_equal([sample["array"] for sample in nested], expected)
    whole = played(generate(client, "audio/wav", **body).content)
    silence = np.zeros(100)
    assert np.array_equal(whole, np.concatenate([expected[0], silence, expected[1], silence, expected[2]]))
    assert np.array_equal(played(generate(client, "audio/wav", n=1, seed=4).content), expected[0])
    assert Image.open(io.BytesIO(generate(client, "image/png", **body).content)).width > 200


@pytest.mark.parametrize("form", ["audio", "array"])
def test_a_beginning_is_kept(client, sounds, form):
    first = sounds[0, :25]
    condition = {"audio": b64(encode_wav(first, RATE_HZ))} if form == "audio" else {"array": first.tolist()}
    answer = generate(client, n=4, seed=4, condition=condition).json()
    samples = np.array([played(base64.b64decode(sample["audio"])) for sample in answer["samples"]])
    assert (samples[:, :25] == first).all()
    free = load(generate(client, "application/x-npy", n=4, seed=4).content)
    assert np.array_equal(samples[:, 25:], free[:, 25:])  # samples of this model are independent of each other
    assert answer["conditional"] == "exact"


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"content": encode_wav(np.zeros(41, np.int16), RATE_HZ)}, 422, "at most 40 samples (0.1 s), got 41 samples"),
        ({"content": encode_wav(np.zeros(40, np.int16), 8000)}, 422, "expected 400 samples per second"),
        ({"content": encode_wav(np.zeros(40, np.int16), RATE_HZ)[:-1]}, 422, "truncated"),
        ({"content": b""}, 422, "the body is empty; expected audio/wav"),
        (
            {"content": b"x", "headers": {"Content-Type": "image/png"}},
            415,
            "this model takes recordings; send JSON, WAV",
        ),
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "this model takes recordings"),
        ({"content": npy(np.zeros((1, 40))), "headers": NPY}, 422, "expected samples of type int16, got float64"),
        ({"content": npy(np.zeros((1, 41), np.int16)), "headers": NPY}, 422, "expected an array of shape (n, 40)"),
    ],
)
def test_refusals_are_precise(client, options, status, words):
    answer = client.post("/score?model=tiny-audio", **{"headers": {"Content-Type": "audio/wav"}, **options})
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]


def test_recordings_are_not_for_models_of_images(client, sounds):
    content = encode_wav(sounds[0], RATE_HZ)
    answer = client.post("/score?model=tiny-made", content=content, headers={"Content-Type": "audio/wav"})
    assert answer.status_code == 415
    assert "this model takes images" in answer.json()["detail"]
    item = {"audio": b64(content)}
    answer = client.post("/score", json={"model": "tiny-made", "inputs": [item]})
    assert (answer.status_code, answer.json()["detail"][:30]) == (422, "item 0: expected image or arra")
    refused = client.post("/generate", json={"model": "tiny-made"}, headers={"Accept": "audio/wav"})
    assert refused.status_code == 406
    assert refused.json()["detail"] == (
        "tiny-made:1 makes images; they can be: application/json, application/x-npy, image/png, text/event-stream"
    )
