"""POST /generate: a request is a function of its seed, in every form of the answer."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

MODELS = ("tiny-made", "tiny-vae", "tiny-gan", "tiny-table")


def draw(client, accept="application/json", **body):
    answer = client.post("/generate", json=body, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def array(answer):
    return np.load(io.BytesIO(answer.content), allow_pickle=False)


@pytest.mark.parametrize("model", MODELS)
def test_same_seed_same_samples_and_a_longer_request_only_adds(client, model):
    first = array(draw(client, "application/x-npy", model=model, n=4, seed=7))
    again = array(draw(client, "application/x-npy", model=model, n=9, seed=7))
    other = array(draw(client, "application/x-npy", model=model, n=4, seed=8))
    assert np.array_equal(again[:4], first)
    assert not np.array_equal(other, first)


def test_the_seed_that_was_drawn_draws_the_same_again(client):
    answer = draw(client, model="tiny-made", n=2).json()
    assert draw(client, model="tiny-made", n=2, seed=answer["seed"]).json() == answer


def test_every_form_has_the_same_samples(client):
    body = {"model": "tiny-vae", "n": 5, "seed": 3}
    expected = array(draw(client, "application/x-npy", **body))
    nested = [sample["array"] for sample in draw(client, format="array", **body).json()["samples"]]
    assert np.array_equal(np.array(nested), expected)
    for sample, pixels in zip(draw(client, **body).json()["samples"], expected, strict=True):
        image = Image.open(io.BytesIO(base64.b64decode(sample["image"])))
        assert np.array_equal(np.asarray(image), pixels[:, :, 0])
    assert Image.open(io.BytesIO(draw(client, "image/png", **body).content)).width > 100


def test_rows_have_columns(client):
    body = {"model": "tiny-table", "n": 3, "seed": 3}
    expected = array(draw(client, "application/x-npy", **body))
    for sample, row in zip(draw(client, **body).json()["samples"], expected, strict=True):
        assert list(sample["row"]) == ["alcohol", "ash", "hue"]
        assert np.array_equal(np.float32(list(sample["row"].values())), row)
    lines = draw(client, "text/csv", **body).text.splitlines()
    assert lines[0] == "alcohol,ash,hue"
    assert len(lines) == 4


def test_samples_of_the_fixed_point_are_ancestral(client, app):
    """The density of the model's own samples is that of its conditionals: their mean surprise is the entropy rate."""
    body = {"model": "tiny-made", "n": 512, "seed": 1}
    answer = draw(client, "application/x-npy", **body)
    headers = {"Content-Type": "application/x-npy"}
    scored = client.post("/score?model=tiny-made&explain=true", content=answer.content, headers=headers).json()
    surprise = np.array([item["map"]["values"] for item in scored["results"]])
    probability = np.exp(-surprise)  # of the value that was drawn, so 1 / probability has mean 2 per pixel
    assert abs((1 / probability).mean() - 2) < 0.2
    assert draw(client, **{**body, "n": 4}).json()["passes"]["max"] <= 37


def test_latents_replace_noise(client):
    latents = [[0.5, -1, 2], [0, 0, 0]]
    one = array(draw(client, "application/x-npy", model="tiny-gan", latents=latents))
    two = array(draw(client, "application/x-npy", model="tiny-gan", latents=latents, seed=5))
    assert one.shape == (2, 6, 6, 1)
    assert np.array_equal(one, two)
    assert len(np.unique(one[1])) == 1  # the origin is the same grey everywhere


def test_the_mean_is_the_decoders(client):
    body = {"model": "tiny-vae", "latents": [[0, 0, 0]]}
    mean = array(draw(client, "application/x-npy", mean=True, **body))
    assert np.isin(mean, [127, 128]).all()


def test_temperature_spreads(client):
    def spread(temperature):
        body = {"model": "tiny-vae", "n": 64, "seed": 1, "mean": True, "temperature": temperature}
        return array(draw(client, "application/x-npy", **body)).astype(float).std()

    assert spread(0.1) < spread(1.0) < spread(2.0)


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        ({"model": "tiny-made", "n": 0}, 422, "/n"),
        ({"model": "tiny-made", "n": 10_000}, 413, None),
        ({"model": "tiny-made", "seed": -1}, 422, "/seed"),
        ({"model": "tiny-made", "seed": 2**64}, 422, "/seed"),
        ({"model": "tiny-made", "temperature": 5}, 422, "/temperature"),
        ({"model": "tiny-gan", "temperature": 1}, 422, "/temperature"),
        ({"model": "tiny-made", "colour": 1}, 422, "/colour"),
        ({"model": "tiny-made", "colour": "red"}, 422, "/colour"),
        ({"model": "tiny-made", "condition": {"label": 3}}, 422, "/condition"),
        ({"model": "tiny-made", "latents": [[1, 2, 3]]}, 422, "/latents"),
        ({"model": "tiny-vae", "latents": [[1, 2]]}, 422, "/latents"),
        ({"model": "tiny-vae", "latents": [[1, 2], [3]]}, 422, "/latents"),
        ({"model": "tiny-vae", "latents": [[1, 2, 3]], "n": 2}, 422, "/latents"),
        ({"model": "tiny-gan", "mean": True}, 422, "/mean"),
        ({"model": "tiny-table", "format": "png"}, 422, "/format"),
        ({"n": 1}, 422, "/model"),
    ],
)
def test_refusals_are_precise(client, body, status, place):
    answer = client.post("/generate", json=body)
    assert answer.status_code == status, answer.text
    if place:
        assert answer.json()["errors"][0]["pointer"].startswith(place)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", True),
        ("n", "3"),
        ("seed", "1"),
        ("mean", 1),
        ("mean", "true"),
        ("temperature", True),
        ("temperature", "1"),
        ("colour", True),
        ("latents", [[True, 0, 0]]),
        ("latents", [["1", 0, 0]]),
        ("latents", [[None, 0, 0]]),
    ],
)
def test_json_has_types(client, field, value):
    answer = client.post("/generate", json={"model": "tiny-vae", field: value})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == f"/{field}"


def test_an_integer_is_a_number(client):
    draw(client, model="tiny-vae", temperature=1, latents=[[1, 0, -1]])


@pytest.mark.parametrize(
    ("number", "status"), [("NaN", 422), ("Infinity", 422), ("1e999", 422), ("1e39", 422), ("1e30", 200)]
)
def test_latents_are_finite_in_the_type_of_the_model(client, number, status):
    body = f'{{"model":"tiny-gan","latents":[[{number},0,0]]}}'
    answer = client.post("/generate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(("model", "accept"), [("tiny-table", "image/png"), ("tiny-made", "text/csv")])
def test_forms_that_make_no_sense_are_not_acceptable(client, model, accept):
    answer = client.post("/generate", json={"model": model}, headers={"Accept": accept})
    assert answer.status_code == 406
