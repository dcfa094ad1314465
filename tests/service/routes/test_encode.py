"""POST /encode: one vector per item, the same in every form."""

import io

import numpy as np

NPY = {"Content-Type": "application/x-npy"}


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_json_and_npy_have_the_same_vectors(client, pixels):
    path = "/encode?model=tiny-vae"
    answer = client.post(path, content=npy(pixels), headers=NPY).json()
    array = client.post(path, content=npy(pixels), headers={**NPY, "Accept": "application/x-npy"})
    vectors = np.load(io.BytesIO(array.content), allow_pickle=False)
    assert vectors.dtype == np.float32
    assert vectors.shape == (40, answer["dims"])
    assert np.array_equal(np.float32(answer["embeddings"]), vectors)


def test_only_models_that_can_encode_do(client):
    answer = client.post("/encode", json={"model": "tiny-made", "inputs": [{"array": [[0] * 6] * 6}]})
    assert answer.status_code == 409
    assert answer.json()["models_that_can"] == ["tiny-table", "tiny-vae"]
