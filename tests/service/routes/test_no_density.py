"""Models without a density over HTTP: verdicts from calibrated statistics, codes there and back, image to image."""

import numpy as np
import pytest

from pofx.kinds.npy import encode_npy


def test_a_verdict_without_a_density(client, pixels):
    body = {"model": "tiny-pca", "inputs": [{"array": picture[..., 0].tolist()} for picture in pixels], "alpha": 0.1}
    answer = client.post("/score", json=body).json()
    assert answer["kind"] == "none"
    assert not {"bound", "density_of", "unit"} & set(answer)
    for result in answer["results"]:
        assert set(result) == {"p_value", "anomaly", "statistics"}
        assert result["anomaly"] == (result["p_value"] <= 0.1)


def test_tables_and_arrays_leave_log_prob_out(client, pixels):
    headers = {"content-type": "application/x-npy", "accept": "text/csv"}
    answer = client.post("/score?model=tiny-pca", content=encode_npy(pixels), headers=headers)
    assert answer.text.splitlines()[0] == "p_value,anomaly,reconstruction_value,reconstruction_p_value"


def test_the_map_is_that_of_the_error(client, pixels):
    headers = {"content-type": "application/x-npy"}
    answer = client.post("/score?model=tiny-pca&explain=true", content=encode_npy(pixels[:2]), headers=headers).json()
    assert answer["results"][0]["map"]["kind"] == "reconstruction_error"
    assert answer["notes"] == ["the map is a reconstruction error: it sums to the statistic reconstruction"]


def test_codes_go_there_and_back(client, pixels):
    headers = {"content-type": "application/x-npy"}
    codes = client.post("/encode?model=tiny-pca", content=encode_npy(pixels[:3]), headers=headers).json()["embeddings"]
    answer = client.post("/generate", json={"model": "tiny-pca", "latents": codes, "format": "array"}).json()
    assert np.array(answer["samples"][0]["array"]).shape == (6, 6, 1)
    assert len(answer["samples"]) == 3
    refused = client.post("/generate", json={"model": "tiny-pca"}).json()
    assert (
        refused["detail"] == "tiny-pca:1 cannot generate; it offers score, encode; it decodes given codes: send latents"
    )
    wrong = client.post("/generate", json={"model": "tiny-pca", "latents": [[1.0]]}).json()
    assert wrong["detail"] == "latents: expected shape (n, 2), got (n, 1)"


def test_an_image_is_made_from_an_image(client, pixels):
    source = {"array": pixels[0, ..., 0].tolist()}
    body = {"model": "tiny-translation", "n": 2, "format": "array", "condition": {"source": source, "target": "other"}}
    answer = client.post("/generate", json=body).json()
    assert np.array_equal(np.array(answer["samples"][1]["array"]), 255 - pixels[0])
    missing = client.post("/generate", json={"model": "tiny-translation"}).json()
    assert missing["errors"][0]["pointer"] == "/condition/source"


def test_what_samples_are_is_described(client):
    told = client.get("/models/tiny-told").json()["generate"]
    assert [item["of"] for item in told["conditions"]] == ["attributes", "code", "caption"]
    assert told["makes"]["kind"] == "row"
    assert client.get("/models/tiny-pca").json()["decode"] is True
    answer = client.post("/generate", json={"model": "tiny-told", "n": 1, "condition": {"caption": "a"}}).json()
    assert answer["samples"][0]["row"]["letters"] == 1


@pytest.mark.parametrize(
    ("name", "kind"), [("tiny-pca", "representation"), ("tiny-translation", "implicit"), ("tiny-vae", "lower_bound")]
)
def test_the_kind_follows_from_what_there_is(client, name, kind):
    assert client.get(f"/models/{name}").json()["kind"] == kind
