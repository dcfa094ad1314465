"""Categories: trained on from a CSV file, exported, and served by name in every form in which rows come and go."""

import csv
import io
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

import pofx
from pofx import bundle
from pofx.cli.app import app
from pofx.errors import RequestInvalid
from pofx.kinds import files
from pofx.kinds.csv_text import decode_csv
from pofx.use import recalibration
from training.data import table
from training.scoring import Scoring


def recalibrate(store, reference, *rest):
    return recalibration.recalibrate(store, pofx.load(reference, store=store.root).loaded, *rest)


NAMES = ("colour", "weight", "grade")
COLOURS, GRADES = ("red", "blue", "green", "Ärmel, grün"), ("1", "2", "x")


def goods(count, seed):
    random = np.random.default_rng(seed)
    colours = random.choice(COLOURS, count, p=[0.5, 0.3, 0.15, 0.05])
    grades = random.choice(GRADES, count, p=[0.6, 0.3, 0.1])
    weights = (random.normal(size=count) + 3 * (grades == "2")).astype(np.float32)
    return pd.DataFrame({"colour": colours, "weight": weights, "grade": grades})


@pytest.fixture(scope="module", params=["gmm", "made"])
def served(tmp_path_factory, request, trained_on_table):
    """A model of goods: the experiment, its store, and its bundle."""
    frame = goods(600, 0).assign(serial=[f"n{row}" for row in range(600)])
    return trained_on_table(tmp_path_factory.mktemp(request.param), frame, request.param)


@pytest.fixture(scope="module")
def items():
    """Twelve rows with every category."""
    found = goods(12, 1)
    found.loc[:3, "colour"] = list(COLOURS)
    found.loc[:2, "grade"] = list(GRADES)
    return found


def coded(frame):
    columns = [frame["colour"].map(COLOURS.index), frame["weight"], frame["grade"].map(GRADES.index)]
    return np.stack(columns, 1).astype(np.float32)


def records(frame):
    return [
        {name: None if value != value else value for name, value in row.items()} for row in frame.to_dict("records")
    ]


def as_rows(frame):
    return {"json": {"inputs": [{"row": row} for row in records(frame)], "explain": True}}


def as_arrays(frame):
    inputs = [{"array": [row[name] for name in NAMES]} for row in records(frame)]
    return {"json": {"inputs": inputs, "explain": True}}


def as_csv(frame):
    content = frame[["grade", "colour", "weight"]].to_csv(index=False)
    return {"content": content, "headers": {"content-type": "text/csv"}, "params": {"explain": True}}


def as_parquet(frame, **types):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame.astype(types), preserve_index=False, nthreads=1), buffer)
    headers = {"content-type": "application/vnd.apache.parquet"}
    return {"content": buffer.getvalue(), "headers": headers, "params": {"explain": True}}


def as_packed_parquet(frame):
    return as_parquet(frame, colour="category", grade="category")


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return {"content": buffer.getvalue(), "headers": {"content-type": "application/x-npy"}, "params": {"explain": True}}


def as_npy(frame):
    return npy(coded(frame))


FORMS = [as_rows, as_arrays, as_csv, as_parquet, as_packed_parquet, as_npy]


def accepting(request, media):
    return request | {"headers": request.get("headers", {}) | {"accept": media}}


def read_csv(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gets_the_score_of_the_eager_model(served, items, form, post):
    experiment, store, _ = served
    answer = post(store, "/score", **form(items))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    with torch.no_grad():
        expected = Scoring(experiment.family, experiment.transform)(torch.from_numpy(coded(items)))
    scores = [item["log_prob"] for item in found["results"]]
    np.testing.assert_allclose(scores, expected[0].numpy(), rtol=1e-3, atol=1e-3)
    assert all(0 < item["p_value"] <= 1 for item in found["results"])
    assert {item["column"] for item in found["results"][0].get("map", {}).get("columns", [])} <= set(NAMES)


def test_the_probabilities_of_all_goods_sum_to_one(served):
    _, store, written = served
    weights = np.arange(-20, 25, 0.05)
    every = np.stack([part.ravel() for part in np.meshgrid(range(4), weights, range(3))], 1).astype(np.float32)
    found = pofx.load(written.manifest.name, store=store).score(every).log_prob
    assert float(np.exp(found.astype(np.float64)).sum()) * 0.05 == pytest.approx(1, abs=1e-4)


def test_the_bundle_says_which_categories_there_are(served):
    experiment, _, written = served
    colour, weight, grade = written.manifest.input.columns
    assert (colour.categories, weight.categories, grade.categories) == (COLOURS, (), GRADES)
    card = written.read_bytes("CARD.md").decode()
    assert "- `grade`: `1`, `2`, `x`" in card
    assert "Left out: column 'serial'" in card
    assert experiment.transform.quantum.tolist() == [1.0, 0.0, 1.0]


def test_a_model_is_described_with_its_categories(served, get):
    _, store, written = served
    columns = get(store, f"/models/{written.manifest.name}").json()["input"]["columns"]
    assert [column["categories"] for column in columns] == [list(COLOURS), [], list(GRADES)]


def test_a_table_comes_back_with_its_names_as_they_came(served, items, post):
    _, store, _ = served
    (line, *_), sent = read_csv(post(store, "/score", **accepting(as_csv(items), "text/csv")).content), items.iloc[0]
    assert list(line)[:4] == ["grade", "colour", "weight", "log_prob"]
    assert (line["grade"], line["colour"]) == (sent["grade"], sent["colour"])
    for form in (as_rows, as_npy, as_parquet):
        lines = read_csv(post(store, "/score", **accepting(form(items), "text/csv")).content)
        assert [line["colour"] for line in lines] == list(items["colour"]), form
    for form in (as_rows, as_csv, as_parquet):
        content = post(store, "/score", **accepting(form(items), "application/vnd.apache.parquet")).content
        assert pq.read_table(io.BytesIO(content)).column("grade").to_pylist() == list(items["grade"]), form
    array = np.load(io.BytesIO(post(store, "/score", **accepting(as_csv(items), "application/x-npy")).content))
    np.testing.assert_array_equal(array["colour"], coded(items)[:, 0])


def test_samples_have_names_and_are_the_same_in_every_form(served, post):
    _, store, _ = served
    body = {"json": {"n": 40, "seed": 3, "temperature": 3.0}}
    rows = [sample["row"] for sample in post(store, "/generate", **body).json()["samples"]]
    assert {row["colour"] for row in rows} <= set(COLOURS)
    assert {row["grade"] for row in rows} == set(GRADES)
    arrays = post(store, "/generate", json=body["json"] | {"format": "array"}).json()["samples"]
    assert [sample["array"] for sample in arrays] == [[row[name] for name in NAMES] for row in rows]
    codes = np.load(io.BytesIO(post(store, "/generate", **accepting(body, "application/x-npy")).content))
    np.testing.assert_allclose(codes, coded(pd.DataFrame(rows)), rtol=1e-6)
    lines = read_csv(post(store, "/generate", **accepting(body, "text/csv")).content)
    assert [(line["colour"], line["grade"]) for line in lines] == [(row["colour"], row["grade"]) for row in rows]


def test_what_is_drawn_can_be_scored_as_it_came(served, post):
    _, store, _ = served
    samples = post(store, "/generate", json={"n": 5, "seed": 1}).json()["samples"]
    answer = post(store, "/score", json={"inputs": samples})
    assert answer.status_code == 200, answer.text
    content = post(store, "/generate", json={"n": 5, "seed": 1}, headers={"accept": "text/csv"}).content
    again = post(store, "/score", content=content, headers={"content-type": "text/csv"})
    scores = [[item["log_prob"] for item in found.json()["results"]] for found in (answer, again)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5)


@pytest.mark.parametrize("form", [as_rows, as_arrays, as_csv, as_parquet])
def test_an_unknown_category_is_refused_with_the_nearest(served, items, form, post):
    _, store, _ = served
    answer = post(store, "/score", **form(items.replace({"colour": {"green": "Gren"}})))
    problem = answer.json()
    assert answer.status_code == 422
    assert "item 2, column 'colour': no category 'Gren', did you mean 'green'?" in problem["detail"]
    assert (problem["index"], problem["column"], problem["value"]) == (2, "colour", "Gren")
    assert (problem["nearest"], problem["categories"]) == (["green"], list(COLOURS))


@pytest.mark.parametrize(
    ("value", "words"), [(0, "the name of a category, got 0"), (1.5, "got 1.5"), ("", "category ''")]
)
def test_json_takes_names_only(served, value, words, post):
    _, store, _ = served
    for item in ({"row": {"colour": value, "weight": 1, "grade": "1"}}, {"array": [value, 1, "1"]}):
        answer = post(store, "/score", json={"inputs": [item]})
        assert answer.status_code == 422
        assert "item 0, column 'colour'" in answer.json()["detail"]
        assert words in answer.json()["detail"]


def test_names_are_no_numbers(served, post):
    _, store, _ = served
    for item, words in (
        ({"row": {"colour": "red", "weight": "heavy", "grade": "1"}}, "expected a number, got 'heavy'"),
        ({"array": ["red", "heavy", "1"]}, "expected a regular array of numbers"),
    ):
        answer = post(store, "/score", json={"inputs": [item]})
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


@pytest.mark.parametrize("code", [-1, 0.5, 4])
def test_a_number_that_is_no_code_is_refused(served, code, post, tmp_path):
    _, store, written = served
    rows = np.array([[0, 1, 0], [code, 1, 0]], np.float32)
    answer = post(store, "/score", **npy(rows))
    assert answer.status_code == 422
    words = f"the code of a category, a whole number from 0 to 3, got {code:g}"
    assert f"item 1, column 'colour': expected {words}" in answer.json()["detail"]
    np.save(tmp_path / "own.npy", rows)
    with pytest.raises(RequestInvalid, match=words):
        files.read(tmp_path / "own.npy", written.manifest.input)


def test_names_can_be_known_before_a_row_is_drawn(served, post):
    _, store, written = served
    if written.manifest.generate.completion is None:
        answer = post(store, "/generate", json={"condition": {"row": {"colour": "blue"}}})
        assert answer.status_code == 409
        return
    for condition in ({"row": {"colour": "blue"}}, {"array": ["blue", 0, None], "mask": [1, 0, 0]}):
        answer = post(store, "/generate", json={"n": 6, "seed": 1, "condition": condition})
        assert answer.status_code == 200, answer.text
        assert {sample["row"]["colour"] for sample in answer.json()["samples"]} == {"blue"}
        assert {sample["row"]["grade"] for sample in answer.json()["samples"]} <= set(GRADES)
    for condition in ({"row": {"colour": "blu"}}, {"array": ["blu", 0, None], "mask": [1, 0, 0]}):
        answer = post(store, "/generate", json={"condition": condition})
        assert answer.status_code == 422
        assert "column 'colour': no category 'blu', did you mean 'blue'?" in answer.json()["detail"]


def test_other_columns_of_text_are_passed_on(served, items, post):
    _, store, _ = served
    body = as_rows(items.assign(note="fragile"))["json"] | {"extra": "keep", "explain": False}
    lines = read_csv(post(store, "/score", json=body, headers={"accept": "text/csv"}).content)
    assert {line["note"] for line in lines} == {"fragile"}


def test_rows_that_miss_categories_are_scored_or_refused_as_the_model_can(served, items, post):
    _, store, written = served
    gaps = items.assign(colour=[None, *items["colour"][1:]])
    for form in (as_rows, as_arrays, as_csv, as_parquet):
        answer = post(store, "/score", **form(gaps))
        if written.manifest.input.missing == "marginalised":
            assert answer.status_code == 200, answer.text
            assert answer.json()["results"][0]["log_prob"] is not None
        else:
            assert answer.status_code == 422
            assert "item 0, column 'colour': expected a category, got a missing value" in answer.json()["detail"]


def test_the_same_words_are_missing_values_in_training_and_service(tmp_path):
    words = [
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
        "NULL", "NaN", "None", "n/a", "nan", "null",
    ]  # fmt: skip
    lines = ["colour,weight", "red,1", *(f"{word},1" for word in words)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    columns = (
        bundle.Column(name="colour", minimum=0, maximum=0, categories=("red",)),
        bundle.Column(name="weight", minimum=0, maximum=1),
    )
    spec = bundle.RowSpec(columns=columns, missing="marginalised")
    here = table.load(tmp_path / "t.csv", ("colour", "weight"), None).x
    there = decode_csv((tmp_path / "t.csv").read_bytes(), spec).array
    np.testing.assert_array_equal(here, there)
    assert np.isnan(here[1:, 0]).all()
    named = bundle.RowSpec(columns=(columns[0].model_copy(update={"categories": ("red", "None")}), columns[1]))
    assert decode_csv(b"colour,weight\nNone,1\n", named).array.tolist() == [[1, 1]]


def test_own_normal_rows_calibrate_offline(served, tmp_path):
    _, shared, written = served
    store = shutil.copytree(shared, tmp_path / "models")
    own = goods(80, 5)
    own.to_csv(tmp_path / "own.csv", index=False)
    np.save(tmp_path / "own.npy", coded(own))
    found = [files.read(tmp_path / name, written.manifest.input).array for name in ("own.csv", "own.npy")]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    new = recalibrate(bundle.Store(store), written.manifest.name, tmp_path / "own.csv", "own")
    assert new.manifest.score.calibration.n == 80
    assert new.manifest.input == written.manifest.input
    own.replace({"colour": {"blue": "violet"}}).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(RequestInvalid, match="column 'colour': no category 'violet'; this column has: 'red', 'blue'"):
        recalibrate(bundle.Store(store), written.manifest.name, tmp_path / "own.csv", "own")


def test_the_same_file_calibrates_offline_and_over_http(served, tmp_path, post, monkeypatch):
    _, shared, written = served
    store, name = bundle.Store(shutil.copytree(shared, tmp_path / "models")), written.manifest.name
    monkeypatch.setenv("SERVICE_OPERATOR_KEY", "key")
    goods(80, 6).to_csv(tmp_path / "own.csv", index=False)
    offline = recalibrate(store, f"{name}:1", tmp_path / "own.csv", "own")
    headers = {"content-type": "text/csv", "x-operator-key": "key"}
    content = (tmp_path / "own.csv").read_bytes()
    answer = post(store.root, "/calibrate", content=content, headers=headers, params={"model": f"{name}:1"})
    assert answer.status_code == 201, answer.text
    served_too = bundle.read(store.locate(bundle.Reference.parse(f"{name}:{answer.json()['version']}")))
    found = [np.load(io.BytesIO(new.read_bytes("calibration.npz"))) for new in (offline, served_too)]
    for statistic in found[0].files:
        np.testing.assert_allclose(found[0][statistic], found[1][statistic], rtol=1e-4, atol=1e-4)


UNSEEN = "column 'colour': unseen value 'mauve'"
HEAVY = "column 'weight': expected a number, got 'heavy'"
PARQUET = "application/vnd.apache.parquet"
NUMBERS = ("log_prob", "p_value", "log_prob_value", "log_prob_p_value")


def as_table(media, content):
    if media == "text/csv":
        return pd.read_csv(io.BytesIO(content), float_precision="round_trip")
    if media == PARQUET:
        return pd.read_parquet(io.BytesIO(content))
    return pd.DataFrame(np.load(io.BytesIO(content)))


def test_where_rows_keep_their_errors_an_unseen_category_is_an_anomaly_in_every_form(served, items, post, tmp_path):
    _, store, written = served
    mixed = items.astype({"weight": object})
    mixed.loc[4, "weight"], mixed.loc[7, "colour"] = "heavy", "mauve"
    mixed.to_csv(tmp_path / "rows.csv", index=False)
    model = pofx.load(written.manifest.name, store=store)
    sound = np.delete(np.arange(12), [4, 7])
    expected = model.score(items.iloc[sound]).to_pandas()
    output = tmp_path / "scores.parquet"
    arguments = ["score", str(tmp_path / "rows.csv"), "-m", written.manifest.name, "--store", str(store)]
    told = CliRunner().invoke(app, [*arguments, "--errors", "row", "--fdr", "0.5", "-o", str(output)])
    assert "11 items scored" in told.stderr + told.stdout, told
    tables = [model.score(mixed, errors="row").to_pandas(), pd.read_parquet(output)]
    request = {"content": (tmp_path / "rows.csv").read_bytes(), "headers": {"content-type": "text/csv"}}
    for media in ("text/csv", PARQUET, "application/x-npy"):
        answer = post(store, "/score", params={"errors": "row"}, **accepting(request, media))
        assert "1 of 12 items could not be read" in answer.headers["x-notes"]
        tables.append(as_table(media, answer.content))
    smallest = 1 / (written.manifest.score.calibration.n + 1)
    for found in tables:
        for name in NUMBERS:
            np.testing.assert_array_equal(found[name].to_numpy()[sound], expected[name].to_numpy(), err_msg=name)
        assert (found["reason"][7], found["error"][4]) == (UNSEEN, HEAVY)
        assert set(found["error"].drop(4).fillna("")) == set(found["reason"].drop(7).fillna("")) == {""}
        assert (found["p_value"][7], bool(found["anomaly"][7])) == (smallest, True)
        assert np.isnan(found["log_prob"][[4, 7]]).all()


def test_false_discoveries_are_counted_among_the_rows_that_can_be_read(served, items, post):
    _, store, _ = served
    inputs = [{"row": row} for row in records(items.head(4))]
    inputs += [
        {"row": {"colour": "mauve", "weight": 0.5, "grade": "1"}},
        {"array": ["red", 1]},
        {"row": {"colour": 1.0}},
    ]
    inputs += [{"row": {"colour": ["red"], "weight": 1, "grade": "1"}}, {"no": "form"}]
    answer = post(store, "/score", json={"inputs": inputs, "errors": "row", "fdr": 0.5, "explain": True}).json()
    assert answer["multiple_testing"]["tests"] == 5
    *good, unseen, short, lacking, odd, none = answer["results"]
    assert [result["error"] for result in good] == [None] * 4
    assert (unseen["anomaly"], unseen["reason"], unseen["log_prob"]) == (True, UNSEEN, None)
    assert {value["p_value"] for value in unseen["statistics"].values()} == {unseen["p_value"]}
    assert short["error"] == "expected 3 values, got 2"
    assert lacking["error"] == "columns missing 'weight', 'grade'"
    assert odd["error"] == "column 'colour': expected a number or the name of a category"
    assert none["error"].startswith("no: ")
    assert {result["anomaly"] for result in (short, lacking, odd, none)} == {None}
    assert "map" in good[0]
    assert "map" not in unseen
    all_wrong = post(store, "/score", json={"inputs": inputs[5:], "errors": "row"})
    assert all_wrong.status_code == 200
    assert all(result["error"] for result in all_wrong.json()["results"])
