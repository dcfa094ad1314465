"""Rows that miss values: trained on, exported, calibrated, and served in every form in which they arrive."""

import io
import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import pofx
from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.use import recalibration
from training.scoring import Scoring


def recalibrate(store, reference, *rest):
    return recalibration.recalibrate(store, pofx.load(reference, store=store.root).loaded, *rest)


NAMES = ("height", "weight", "age")
GAPS = {0: (), 1: ("weight",), 2: ("height", "age"), 3: NAMES}


def rows(count, seed, share):
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, 3)) @ np.array([[1, 2, 0], [0, 1, 1], [0, 0, 3.0]]) + [170, 60, 40]
    values[random.random(values.shape) < share] = np.nan
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def trained(trained_on_table):
    """Fits a family on rows of which a share of the values is missing."""

    def train(folder, family, share):
        return trained_on_table(folder, pd.DataFrame(rows(600, 0, share), columns=list(NAMES)), family)

    return train


@pytest.fixture(scope="module")
def gappy(tmp_path_factory, trained):
    """A model calibrated on rows of which some miss values."""
    return trained(tmp_path_factory.mktemp("gappy"), "gmm", 0.1)


@pytest.fixture(scope="module")
def complete(tmp_path_factory, trained):
    """A model that has never seen a missing value."""
    return trained(tmp_path_factory.mktemp("complete"), "gmm", 0)


@pytest.fixture(scope="module")
def items():
    """Four rows: complete, one column missing, two, and all."""
    frame = pd.DataFrame(rows(4, 1, 0), columns=list(NAMES))
    for row, names in GAPS.items():
        frame.loc[row, list(names)] = np.nan
    return frame


def _nulls(frame):
    return [
        {name: None if np.isnan(value) else value for name, value in row.items()} for row in frame.to_dict("records")
    ]


def as_json(frame):
    return {"json": {"inputs": [{"row": row} for row in _nulls(frame)], "explain": True}}


def as_arrays(frame):
    inputs = [{"array": list(row.values())} for row in _nulls(frame)]
    return {"json": {"inputs": inputs, "explain": True}}


def as_csv(frame):
    content = frame.to_csv(index=False, na_rep="")
    return {"content": content, "headers": {"content-type": "text/csv"}, "params": {"explain": True}}


def as_csv_with_na(frame):
    return as_csv(frame) | {"content": frame.to_csv(index=False, na_rep="NA")}


def as_parquet(frame):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False, nthreads=1), buffer)
    headers = {"content-type": "application/vnd.apache.parquet"}
    return {"content": buffer.getvalue(), "headers": headers, "params": {"explain": True}}


def as_npy(frame):
    buffer = io.BytesIO()
    np.save(buffer, frame.to_numpy(np.float32))
    headers = {"content-type": "application/x-npy"}
    return {"content": buffer.getvalue(), "headers": headers, "params": {"explain": True}}


FORMS = [as_json, as_arrays, as_csv, as_csv_with_na, as_parquet, as_npy]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gets_the_marginal_of_the_eager_model(gappy, items, form, post):
    experiment, store, _ = gappy
    answer = post(store, "/score", **form(items))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    with torch.no_grad():
        expected = Scoring(experiment.family, experiment.transform)(
            torch.from_numpy(items.to_numpy(np.float32, copy=True))
        )
    scores = [item["log_prob"] for item in found["results"]]
    is_there = ~items.isna().all(axis=1).to_numpy() if form is as_csv else slice(None)  # an empty line is no row
    np.testing.assert_allclose(scores, expected[0].numpy()[is_there], rtol=1e-4, atol=1e-4)
    assert ("not read, since they are empty: 1 rows" in found["notes"]) == (form is as_csv)
    if form is not as_csv:
        assert scores[3] == 0
        assert found["results"][3]["bits_per_dim"] is None
    assert found["results"][1]["bits_per_dim"] == pytest.approx(-scores[1] / (2 * np.log(2)), rel=1e-4)
    for row, missing in list(GAPS.items())[: len(scores)]:
        surprises = {item["column"]: item["surprise"] for item in found["results"][row]["map"]["columns"]}
        assert {name for name, value in surprises.items() if value is None} == set(missing)


def test_a_model_calibrated_on_rows_with_gaps_gives_every_p_value(gappy, items, post):
    _, store, written = gappy
    calibration = written.manifest.score.calibration
    assert 0 < calibration.incomplete < calibration.n
    found = post(store, "/score", **as_json(items)).json()
    assert all(value["p_value"] for item in found["results"] for value in item["statistics"].values())
    missed, masked, others = found["notes"]
    assert "values are missing in 3 of 4 rows" in missed
    assert "calibration rows from which the same columns were taken away" in masked
    assert f"{calibration.incomplete} of {calibration.n} miss some" in others
    used = {tuple(item["missing"]): item for item in found["calibration"]["gaps"]}
    assert used[()] == used[()] | {"rows": 1, "n": calibration.n - calibration.incomplete, "masked": 0}
    assert used["weight",]["masked"] == used[()]["n"]
    assert NAMES not in used


def test_a_model_calibrated_on_complete_rows_says_so_and_gives_no_p_value_of_log_prob(complete, items, post):
    _, store, written = complete
    assert written.manifest.score.calibration.incomplete == 0
    found = post(store, "/score", **as_json(items)).json()
    assert [item["statistics"]["log_prob"]["p_value"] is None for item in found["results"]] == [
        False,
        False,  # one missing column has a table of its own
        True,
        True,
    ]
    assert all(item["p_value"] is not None for item in found["results"])
    assert "2 rows with gaps are compared with complete calibration rows" in found["notes"][2]
    body = as_json(items)["json"] | {"verdict": "log_prob"}
    verdicts = [item["anomaly"] for item in post(store, "/score", json=body).json()["results"]]
    assert None not in verdicts[:2]
    assert verdicts[2:] == [None] * 2


def test_complete_rows_get_the_same_answer_whoever_is_beside_them(gappy, items, post):
    _, store, _ = gappy
    beside = post(store, "/score", **as_json(items)).json()["results"][0]
    assert post(store, "/score", **as_json(items[:1])).json()["results"][0] == beside
    assert post(store, "/score", **as_json(items[:1])).json()["notes"] == []


def test_p_values_of_rows_with_gaps_are_exact_where_calibration_has_them_too(gappy, post):
    _, store, _ = gappy
    fresh = pd.DataFrame(rows(900, 5, 0.1), columns=list(NAMES))
    answer = post(store, "/score", **(as_csv(fresh) | {"params": {"watch": False}})).json()
    rate = np.mean([item["p_value"] <= 0.1 for item in answer["results"]])
    assert 0.04 < rate < 0.18  # Beta-binomial with some 180 calibration rows


def test_models_say_whether_rows_may_miss_values(gappy):
    _, _, written = gappy
    assert written.manifest.input.missing == "marginalised"
    with np.load(io.BytesIO(written.read_bytes("golden.npz"))) as golden:
        assert np.isnan(golden["score.in.row"]).any(1).tolist() == [False, False, False, True]
        assert np.isfinite(golden["score.out.log_prob"]).all()
    card = written.read_bytes("CARD.md").decode()
    assert "A row to score may miss values" in card
    assert "values are missing, in" in card


def test_encode_refuses(gappy, items, post):
    _, store, _ = gappy
    answer = post(store, "/encode", json={"inputs": as_json(items)["json"]["inputs"]})
    assert answer.status_code == 422
    assert "item 1, column 'weight': expected a number, got a missing value" in answer.json()["detail"]


def test_infinity_is_not_missing(gappy, post):
    _, store, _ = gappy
    answer = post(store, "/score", content="height,weight,age\n1,inf,\n", headers={"content-type": "text/csv"})
    assert answer.status_code == 422
    assert "column 'weight': expected a finite number" in answer.json()["detail"]


def test_a_family_that_cannot_marginalise_refuses_in_every_form(tmp_path, items, post, trained):
    _, store, written = trained(tmp_path, "rnade", 0.05)
    assert written.manifest.input.missing == "refused"
    assert "left out, because the family cannot marginalise" in written.read_bytes("CARD.md").decode()
    for form in FORMS:
        answer = post(store, "/score", **form(items))
        assert answer.status_code == 422, form
        assert "item 1, column 'weight': expected a number, got a missing value" in answer.json()["detail"]
        assert "cannot marginalise" in answer.json()["detail"]
        assert "gmm, gda, naive_bayes" in answer.json()["detail"]
    np.save(tmp_path / "own.npy", rows(60, 2, 0.2))
    with pytest.raises(
        RequestInvalid, match="cannot marginalise over it, models of the families gmm, gda, naive_bayes can"
    ):
        recalibrate(bundle.Store(store), "rnade-rows", tmp_path / "own.npy", "own")


def test_rows_with_gaps_calibrate_anew(complete, tmp_path):
    shutil.copytree(complete[1], tmp_path / "models")
    own = rows(60, 2, 0.2)
    np.save(tmp_path / "own.npy", own)
    written = recalibrate(bundle.Store(tmp_path / "models"), "gmm-rows", tmp_path / "own.npy", "own")
    calibration = written.manifest.score.calibration
    assert (calibration.n, calibration.incomplete) == (60, int(np.isnan(own).any(1).sum()))
    assert json.loads((written.folder / "manifest.json").read_text())["input"]["missing"] == "marginalised"
