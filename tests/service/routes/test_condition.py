"""POST /generate with a condition: labels, and samples completed from what is known of them."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pofx.kinds.image import encode_png

HALF = [[1] * 6] * 3 + [[0] * 6] * 3


def ask(client, accept="application/json", **body):
    answer = client.post("/generate", json=body, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def array(client, **body):
    return np.load(io.BytesIO(ask(client, "application/x-npy", **body).content), allow_pickle=False)


def b64(content):
    return base64.b64encode(content).decode()


def test_known_pixels_stay_as_sent_and_the_rest_is_drawn(client, pixels):
    body = {"model": "tiny-made", "n": 8, "seed": 1, "condition": {"image": b64(encode_png(pixels[0])), "mask": HALF}}
    samples = array(client, **body)
    assert (samples[:, :3] == pixels[0, :3]).all()  # grey levels of every kind, where the model draws black or white
    assert np.isin(samples[:, 3:], [0, 255]).all()
    assert len(np.unique(samples[:, 3:].reshape(8, -1), axis=0)) > 1


def test_a_sample_is_completed_to_itself_by_its_own_noise(client):
    body = {"model": "tiny-made", "n": 4, "seed": 5}
    expected = array(client, **body)
    for index in range(4):
        condition = {"array": expected[index].tolist(), "mask": HALF}
        assert np.array_equal(array(client, **body, condition=condition)[index], expected[index])


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (HALF, "exact"),
        (HALF[::-1], "approximate"),
        ([[1] * 6] * 6, "exact"),
        ([[0] * 6] * 6, None),
    ],
)
def test_the_answer_says_whether_it_is_exact(client, mask, expected):
    condition = {"array": [[255] * 6] * 6, "mask": mask}
    answer = ask(client, model="tiny-made", n=1, condition=condition).json()
    assert answer.get("conditional") == expected
    assert ("conditional" in answer) == (expected is not None)


@pytest.mark.parametrize(("temperature", "expected"), [(0.5, "tempered"), (1.5, "tempered"), (1.0, "exact")])
def test_at_another_temperature_it_is_not_the_conditional_distribution(client, temperature, expected):
    """In JSON and in the query, and only where it would be exact else, and something is drawn."""

    def conditional(mask, query=""):
        body = {"model": "tiny-made", "n": 1, "condition": {"array": [[255] * 6] * 6, "mask": mask}}
        options = {} if query else {"temperature": temperature}
        return client.post(f"/generate{query}", json=body | options).json().get("conditional")

    assert conditional(HALF) == conditional(HALF, f"?temperature={temperature}") == expected
    assert conditional(HALF[::-1]) == "approximate"
    assert conditional([[1] * 6] * 6) == "exact"
    assert conditional([[0] * 6] * 6) is None


def test_where_nothing_is_known_a_condition_changes_nothing(client):
    body = {"model": "tiny-made", "n": 3, "seed": 2}
    nothing = {"array": [[255] * 6] * 6, "mask": [[0] * 6] * 6}
    expected = ask(client, **body).json()
    assert ask(client, **body, condition=nothing).json() == expected
    assert ask(client, **body, condition={}).json() == expected


def test_conversions_are_noted(client, pixels):
    condition = {"image": b64(encode_png(pixels[0].repeat(3, axis=2))), "mask": HALF}
    answer = ask(client, model="tiny-made", n=1, condition=condition).json()
    assert answer["notes"] == ["colours converted from RGB to L"]


@pytest.mark.parametrize("model", ["tiny-made", "tiny-audio"])
def test_a_sample_does_not_depend_on_what_others_in_its_batch_know(client, model):
    known = {"array": [[255] * 6] * 6, "mask": HALF} if model == "tiny-made" else {"array": [1, 2, 3]}
    bodies = [{"model": model, "n": 2, "seed": seed} | ({"condition": known} if seed % 2 else {}) for seed in range(20)]
    headers = {"Accept": "application/x-npy"}
    together = client.together([("/generate", {"json": body, "headers": headers}) for body in bodies])
    for body, answer in zip(bodies, together, strict=True):
        assert np.array_equal(np.load(io.BytesIO(answer.content)), array(client, **body))


def test_a_completion_is_shown_as_a_picture(client):
    condition = {"array": [[255] * 6] * 6, "mask": HALF}
    answer = ask(client, "image/png", model="tiny-made", n=4, condition=condition)
    assert Image.open(io.BytesIO(answer.content)).width > 100


@pytest.mark.parametrize("label", ["cat", "dog", 3, "3"])
def test_a_label_chooses_what_is_drawn(client, label):
    samples = array(client, model="tiny-labels", n=500, seed=1, condition={"label": label}) / 255
    probabilities = {"cat": np.linspace(0, 0.9, 36), "dog": np.linspace(0.9, 0, 36)}.get(label, np.eye(36)[0])
    assert np.abs(samples.reshape(500, 36).mean(axis=0) - probabilities).max() < 0.1


def test_without_a_label_it_is_not_known(client):
    samples = array(client, model="tiny-labels", n=500, seed=1) / 255
    assert np.abs(samples.reshape(500, 36).mean(axis=0) - 0.5).max() < 0.1


def test_labels_can_be_listed_one_per_sample(client):
    listed = array(client, model="tiny-labels", seed=4, condition={"label": ["cat", 3, "dog"]})
    assert len(listed) == 3
    for index, label in enumerate(["cat", "3", "dog"]):
        alone = array(client, model="tiny-labels", n=3, seed=4, condition={"label": label})
        assert np.array_equal(listed[index], alone[index])


def test_a_model_says_what_it_can_be_told(client):
    described = {model["name"]: model["generate"] for model in client.get("/models").json()["models"]}
    assert described["tiny-labels"]["labels"] == ["cat", "dog", "3"]
    assert described["tiny-labels"]["completion"] is None
    assert described["tiny-made"]["labels"] == []
    assert described["tiny-made"]["completion"] == {
        "kind": "raster",
        "order": [],
        "exact_if_first_are_known": True,
        "exact_at": {"temperature": 1.0},
    }


ARRAY = {"array": [[0] * 6] * 6, "mask": HALF}


@pytest.mark.parametrize(
    ("body", "status", "words", "pointer"),
    [
        ({"model": "tiny-vae", "condition": ARRAY}, 409, "tiny-vae:1 cannot complete", None),
        ({"model": "tiny-table", "condition": {"row": {"ash": 1}}}, 409, "cannot complete", None),
        ({"model": "tiny-made", "condition": {"label": "3"}}, 422, "takes no label", "/condition/label"),
        ({"model": "tiny-labels", "condition": {"label": "cow"}}, 422, "has: cat, dog, 3", "/condition/label"),
        ({"model": "tiny-labels", "condition": {"label": True}}, 422, "name of a label", "/condition/label"),
        (
            {"model": "tiny-labels", "n": 3, "condition": {"label": ["cat", "dog"]}},
            422,
            "expected 3 of condition/label, one per sample, got 2",
            "/condition/label",
        ),
        ({"model": "tiny-made", "condition": {"colour": 1}}, 422, "no key 'colour' in a condition", "/condition"),
        ({"model": "tiny-made", "condition": {"text": "a"}}, 422, "expected image or array", "/condition/text"),
        ({"model": "tiny-made", "condition": {"array": [[0] * 6] * 6}}, 422, "expected a mask", "/condition/mask"),
        ({"model": "tiny-made", "condition": 3}, 422, "", "/condition"),
    ],
)
def test_refusals_are_precise(client, body, status, words, pointer):
    answer = client.post("/generate", json=body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    if pointer:
        assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_model_that_cannot_complete_names_those_that_can(client):
    answer = client.post("/generate", json={"model": "tiny-gan", "condition": ARRAY}).json()
    assert answer["models_that_can"] == ["tiny-made"]
