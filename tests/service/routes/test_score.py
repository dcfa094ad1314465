"""POST /score: every form of a request gets the same numbers, and every mistake is named."""

import base64
import csv
import io

import numpy as np
import pytest
from PIL import Image

from pofx import bundle
from pofx.kinds.image import encode_png

NPY = {"Content-Type": "application/x-npy"}


def b64(pixels):
    return base64.b64encode(encode_png(pixels)).decode()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def log_probs(response):
    assert response.status_code == 200, response.text
    return [item["log_prob"] for item in response.json()["results"]]


def test_every_form_of_images_gets_the_same_scores(client, pixels):
    as_json = {"model": "tiny-made", "inputs": [{"image": b64(image)} for image in pixels]}
    as_arrays = {"model": "tiny-made", "inputs": [{"array": image.tolist()} for image in pixels]}
    files = [("files", ("x.png", encode_png(image), "image/png")) for image in pixels]
    path = "/score?model=tiny-made"
    expected = log_probs(client.post("/score", json=as_json))
    assert log_probs(client.post("/score", json=as_arrays)) == expected
    assert log_probs(client.post(path, files=files)) == expected
    assert log_probs(client.post(path, content=npy(pixels), headers=NPY)) == expected
    one = client.post(path, content=encode_png(pixels[0]), headers={"Content-Type": "image/png"})
    assert log_probs(one) == expected[:1]


def test_every_form_of_rows_gets_the_same_scores(client, rows):
    named = [{"row": dict(zip(("hue", "ash", "alcohol"), row[::-1].tolist(), strict=True))} for row in rows]
    expected = log_probs(client.post("/score", json={"model": "tiny-table", "inputs": named}))
    text = "hue,alcohol,ash\n" + "".join(f"{hue!r},{alcohol!r},{ash!r}\n" for alcohol, ash, hue in rows.tolist())
    path = "/score?model=tiny-table"
    assert log_probs(client.post(path, content=text, headers={"Content-Type": "text/csv"})) == expected
    assert log_probs(client.post(path, content=npy(rows), headers=NPY)) == expected


def test_every_form_of_the_answer_has_the_same_scores(client, rows):
    def ask(accept):
        return client.post("/score?model=tiny-table", content=npy(rows), headers={**NPY, "Accept": accept})

    expected = ask("application/json").json()["results"]
    records = np.load(io.BytesIO(ask("application/x-npy").content), allow_pickle=False)
    lines = list(csv.DictReader(io.StringIO(ask("text/csv").text)))
    for item, record, line in zip(expected, records, lines, strict=True):
        assert item["log_prob"] == record["log_prob"] == float(line["log_prob"])
        assert item["p_value"] == record["p_value"] == float(line["p_value"])
        assert item["anomaly"] == record["anomaly"] == (line["anomaly"] == "true")
        assert item["statistics"]["distance"]["value"] == record["distance_value"]


def test_the_score_of_an_item_does_not_depend_on_its_company(client, rows):
    together = log_probs(client.post("/score?model=tiny-table", content=npy(rows), headers=NPY))
    singles = client.together(
        [("/score?model=tiny-table", {"content": npy(rows[i : i + 1]), "headers": NPY}) for i in range(40)]
    )
    assert [log_probs(answer)[0] for answer in singles] == together


def test_a_lower_bound_is_the_same_every_time_and_says_so(client, pixels):
    answers = [client.post("/score?model=tiny-vae", content=npy(pixels), headers=NPY).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["kind"] == "lower_bound"
    assert answers[0]["bound"] == "IWAE-5"
    assert answers[0]["standard_error"] == 0.25


def test_models_say_in_words_what_a_lower_bound_is(client):
    described = client.get("/models/tiny-vae").json()["score"]
    assert (described["kind"], described["standard_error"]) == ("lower_bound", 0.25)
    assert "an estimate, by one fixed draw of noise, of a lower bound (IWAE-5)" in described["meaning"]
    assert "another draw changes it by 0.25 nats" in described["meaning"]
    exact = client.get("/models/tiny-made").json()["score"]
    assert (exact["meaning"], exact["standard_error"]) == ("exact log-density of x", None)


def test_what_is_exact_has_no_error_in_its_answer(client, pixels):
    assert "standard_error" not in client.post("/score?model=tiny-made", content=npy(pixels), headers=NPY).json()


def test_numbers_follow_from_each_other(client, rows):
    answer = client.post("/score?model=tiny-table&alpha=0.2", content=npy(rows), headers=NPY).json()
    assert answer["calibration"] == {
        "n": 199,
        "alpha": 0.2,
        "promise": "marginal",
        "threshold": 0.2,
        "smallest_p_value": 0.005,
        "verdict_by": "log_prob",
    }
    for item in answer["results"]:
        assert item["bits_per_dim"] == pytest.approx(-item["log_prob"] / (3 * np.log(2)))
        assert item["anomaly"] == (item["p_value"] <= 0.2)
        assert item["p_value"] == item["statistics"]["log_prob"]["p_value"]


def test_a_log_prob_of_minus_infinity_is_null_and_an_anomaly(client):
    body = {"model": "tiny-table", "explain": True, "inputs": [{"array": [101, 0, 0]}, {"array": [0, 0, 0]}]}
    answer = client.post("/score", json=body)
    assert answer.status_code == 200
    first, second = answer.json()["results"]
    assert (first["log_prob"], first["p_value"], first["anomaly"]) == (None, 0.005, True)
    assert first["map"]["columns"][0] == {"column": "alcohol", "surprise": None}
    assert second["anomaly"] is False


def test_the_map_sums_to_the_score(client, pixels):
    answer = client.post("/score?model=tiny-made&explain=true", content=npy(pixels), headers=NPY).json()
    for item in answer["results"]:
        assert item["map"]["kind"] == "dim_log_prob"
        assert -np.sum(item["map"]["values"]) == pytest.approx(item["log_prob"], rel=1e-5)
        picture = Image.open(io.BytesIO(base64.b64decode(item["map"]["image"])))
        assert picture.size == (6, 6)
        assert item["map"]["scale"]["maximum"] == pytest.approx(np.max(item["map"]["values"]))


def test_a_sheet_shows_inputs_beside_their_maps(client, pixels):
    headers = {**NPY, "Accept": "image/png"}
    answer = client.post("/score?model=tiny-made&explain=true", content=npy(pixels), headers=headers)
    assert Image.open(io.BytesIO(answer.content)).mode == "RGB"
    assert client.post("/score?model=tiny-made", content=npy(pixels), headers=headers).status_code == 406


def test_the_map_of_a_lower_bound_is_a_reconstruction_error_and_says_so(client, pixels):
    path, body = "/score?model=tiny-vae&explain=true", {"content": npy(pixels), "headers": NPY}
    answer = client.post(path, **body).json()
    for item in answer["results"]:
        assert item["map"]["kind"] == "reconstruction_error"
        error = item["statistics"]["reconstruction"]["value"]
        assert np.sum(item["map"]["values"]) == pytest.approx(error, rel=1e-5)
        assert np.min(item["map"]["values"]) >= 0
        assert item["map"]["scale"]["maximum"] == pytest.approx(np.max(item["map"]["values"]))
    assert any("sums to the statistic reconstruction, and not to log_prob" in note for note in answer["notes"])
    sheet = client.post(path, content=npy(pixels), headers={**NPY, "Accept": "image/png"})
    assert Image.open(io.BytesIO(sheet.content)).mode == "RGB"
    assert "a reconstruction error" in sheet.headers["x-notes"]


def test_a_model_without_terms_cannot_explain(drafts, tmp_path, serve):
    draft, store = drafts["lower_bound_image"](), bundle.Store(tmp_path)
    graph = draft.graphs["score"]
    draft.graphs["score"] = graph.model_copy(update={"outputs": graph.outputs[:-1]})
    del draft.golden["score.out.reconstruction_error"]
    draft.write(store)
    body = {"inputs": [{"array": [[0] * 6] * 6}], "explain": True}
    with serve(store=store.root) as client:
        answer = client.post("/score", json=body)
        assert client.get("/models/tiny-vae").json()["score"]["map"] is None
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/explain"
    assert "ask without explain" in answer.text


def test_conversions_are_noted(client, pixels):
    colour = np.repeat(pixels[0], 3, axis=2)
    answer = client.post("/score", json={"model": "tiny-made", "inputs": [{"image": b64(colour)}]}).json()
    assert "RGB" in answer["notes"][0]


GOOD = {"array": [0, 0, 0]}


@pytest.mark.parametrize(
    ("body", "status", "member"),
    [
        ({"model": "nope", "inputs": [GOOD]}, 404, "models"),
        ({"model": "tiny-gan", "inputs": [GOOD]}, 409, "models_that_can"),
        ({"inputs": [GOOD]}, 422, "models_that_can"),
        ({"model": "tiny-table", "inputs": []}, 422, "errors"),
        ({"model": "tiny-table", "inputs": [GOOD], "alpha": 0.001}, 422, "smallest_p_value"),
        ({"model": "tiny-table", "inputs": [GOOD], "alpha": 2}, 422, "errors"),
        ({"model": "tiny-table", "inputs": [GOOD], "surprise": 2}, 422, "errors"),
        ({"model": "tiny-table", "inputs": [GOOD, {"array": [1, 2]}]}, 422, "index"),
        ({"model": "tiny-table", "inputs": [GOOD, {"row": {"ash": 1}}]}, 422, "missing"),
        ({"model": "tiny-table", "inputs": [GOOD, {"image": "aGk="}]}, 422, "index"),
        ({"model": "tiny-made", "inputs": [{"array": [[0] * 6] * 6}, {"image": "aGk="}]}, 422, "index"),
        ({"model": "tiny-made", "inputs": [{"array": [[0] * 6] * 6}, {"image": "%"}]}, 422, "index"),
        ({"model": "tiny-made", "inputs": [{"array": [[0] * 6] * 6}, {}]}, 422, "index"),
    ],
)
def test_refusals_are_precise(client, body, status, member):
    answer = client.post("/score", json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert member in problem
    assert problem["status"] == status
    assert problem.get("index", 1) == 1


@pytest.mark.parametrize("value", [True, "1", None])
def test_an_array_holds_numbers(client, value):
    answer = client.post("/score", json={"model": "tiny-table", "inputs": [GOOD, {"array": [value, 1, 2.5]}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/inputs/1"


@pytest.mark.parametrize("value", [True, "1", None])
def test_a_json_value_that_is_no_number_is_refused(client, value):
    row = {"alcohol": value, "ash": 1, "hue": 2.5}
    answer = client.post("/score", json={"model": "tiny-table", "inputs": [{"row": row}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/inputs/0/row/alcohol"


def test_a_query_string_has_only_text(client, rows):
    answer = client.post("/score?model=tiny-table&alpha=0.2&explain=true", content=npy(rows), headers=NPY).json()
    assert answer["calibration"]["alpha"] == 0.2
    assert "map" in answer["results"][0]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_values_that_are_not_finite_are_refused_with_their_column(client, number):
    body = f'{{"model":"tiny-table","inputs":[{{"row":{{"alcohol":1,"ash":{number},"hue":1}}}}]}}'
    answer = client.post("/score", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "ash" in answer.text


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("application/xml", b"<x/>", 415),
        ("text/csv", b"alcohol,ash,hue\n1,2,3\n", 415),
        ("image/png", b"not a png", 422),
        ("application/x-npy", b"not npy", 422),
        ("application/json", b"{", 422),
        ("application/json", b"[" * 100_000, 422),
        ("multipart/form-data", b"no boundary", 422),
        ("multipart/form-data; boundary=x", b"garbage", 422),
    ],
)
def test_bodies_that_are_not_what_they_say(client, kind, content, status):
    answer = client.post("/score?model=tiny-made", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text


def test_the_largest_number_of_items_is_a_limit(client, settings):
    body = npy(np.zeros((10_001, 3), np.float32))
    assert client.post("/score?model=tiny-table", content=body, headers=NPY).status_code == 413
