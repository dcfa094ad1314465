"""Pictures of another size where training resized, maps of another size, and files among which some are broken."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from onnx import TensorProto
from PIL import Image

import pofx
from pofx import bundle

SIDE, BLOCK = 6, 2
NAMES = ("a/b.png", "broken.png", "c.png")
NOTES = [
    "resized from 10x8 to 6x6 as in training (1 of 3 items)",
    "1 of 3 items could not be read and are left out: see error",
    "the map is made of 3x3 numbers and scaled to the item's 6x6, with the same sum",
]


@dataclass(frozen=True)
class Made:
    """A model with a map of blocks, served from a store, and opened by the library."""

    client: object
    model: pofx.Model


def in_blocks(draft):
    """The draft of a model of images that resizes, and whose terms are of blocks of pixels."""
    sizes = {"blocks": np.array([-1, SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK]), "within": np.array([2, 4])}
    steps = [
        ("Cast", "image", "x", {"to": TensorProto.FLOAT}),
        ("Neg", "x", "n", {}),
        ("Reshape", "n blocks", "b", {}),
        ("ReduceSum", "b within", "dim_log_prob", {"keepdims": 0}),
        ("ReduceSum", "dim_log_prob places", "log_prob", {"keepdims": 0}),
    ]
    image, (log_prob, terms) = draft.graphs["score"].inputs[0], draft.graphs["score"].outputs
    terms = terms.model_copy(update={"shape": ("batch", SIDE // BLOCK, SIDE // BLOCK)})
    draft.spec = draft.spec.model_copy(update={"other_sizes": "lanczos"})
    draft.graph("score", steps, [image], [log_prob, terms], {**sizes, "places": np.array([1, 2])})
    return draft


@pytest.fixture(scope="module")
def own_store(tmp_path_factory, drafts):
    found = bundle.Store(tmp_path_factory.mktemp("blocks"))
    in_blocks(drafts["exact_image"]()).write(found)
    return found


@pytest.fixture
def made(serve, own_store):
    with serve(store=own_store.root) as client:
        yield Made(client, pofx.load("tiny-made", store=own_store.root))


def png(width, height):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(width).integers(0, 256, (height, width)).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def contents():
    return [png(10, 8), b"no picture", png(SIDE, SIDE)]


def asked(made, contents, accept="application/json", **params):
    files = [("files", (name, content)) for name, content in zip(NAMES, contents, strict=True)]
    return made.client.post("/score", params={"errors": "row", **params}, files=files, headers={"accept": accept})


def test_files_keep_their_names_and_their_errors_in_every_answer(made, contents, tmp_path):
    answer = asked(made, contents, explain=True).json()
    assert [result["file"] for result in answer["results"]] == list(NAMES)
    assert [bool(result["error"]) for result in answer["results"]] == [False, True, False]
    assert answer["notes"] == NOTES
    lines = asked(made, contents, "text/csv").text.splitlines()
    assert [line.split(",")[0] for line in lines] == ["file", *NAMES]
    assert lines[2].endswith(',"not an image of type PNG, JPEG, WEBP, BMP, GIF"')
    found = np.load(io.BytesIO(asked(made, contents, "application/x-npy").content))
    assert found["file"].tolist() == list(NAMES)
    assert found["error"].tolist() == [result["error"] or "" for result in answer["results"]]
    for name, content in zip(NAMES, contents, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    own = made.model.score(tmp_path, errors="row", explain=True)
    assert list(own.columns()["file"]) == list(NAMES)
    np.testing.assert_array_equal(own.log_prob, found["log_prob"])


def test_a_map_of_blocks_has_the_size_of_the_item_and_its_sum(made, contents):
    results = asked(made, contents, explain=True).json()["results"]
    assert "map" not in results[1]
    for place in (0, 2):
        found = np.array(results[place]["map"]["values"])
        assert found.shape == (SIDE, SIDE)
        np.testing.assert_allclose(found.sum(), -results[place]["log_prob"])
        assert np.array_equal(found, found[::BLOCK, ::BLOCK].repeat(BLOCK, 0).repeat(BLOCK, 1))
    assert asked(made, contents, "image/png", explain=True).status_code == 200


def test_what_could_not_be_read_does_not_count_for_drift(made, contents):
    before = made.client.get("/models/tiny-made/drift").json()["items"]
    asked(made, contents)
    assert made.client.get("/models/tiny-made/drift").json()["items"] == before + 2


def test_one_broken_file_refuses_all_unless_rows_keep_their_errors(made, contents):
    answer = asked(made, contents, errors="refuse")
    assert answer.status_code == 422
    assert (answer.json()["index"], answer.json()["file"]) == (1, NAMES[1])
