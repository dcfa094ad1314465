"""POST /calibrate: a new version on one's own data, with the promises of a calibration, for the operator only."""

import io
import shutil

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.stats import betabinom, kstest

from pofx import bundle
from service.schemas.calibrate import CalibrateAnswer

KEY = "operator's key"
HEADERS = {"X-Operator-Key": KEY}
N = 399


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def shifted(seed, count):
    """Rows that no earlier calibration set holds the like of."""
    return (np.random.default_rng(seed).standard_normal((count, 3)) * 2 + [3, -1, 0]).astype(np.float32)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def own(store, tmp_path):
    """A store of one's own with the table and the implicit model."""
    for name in ("tiny-table", "tiny-gan"):
        shutil.copytree(store.root / name, tmp_path / "store" / name)
    return bundle.Store(tmp_path / "store")


@pytest.fixture
def operator(own, serve):
    with serve(store=own.root, operator_key=KEY, rescan_s=0) as client:
        yield client


def calibrate(client, rows, query="", headers=HEADERS):
    return client.post(
        f"/calibrate{query}", content=npy(rows), headers={"content-type": "application/x-npy", **headers}
    )


def p_values(client, rows, model, statistic="log_prob"):
    answer = client.post(f"/score?model={model}", content=npy(rows), headers={"content-type": "application/x-npy"})
    assert answer.status_code == 200, answer.text
    return np.array([item["statistics"][statistic]["p_value"] for item in answer.json()["results"]])


@pytest.mark.parametrize("statistic", ["log_prob", "distance"])
def test_new_items_like_the_calibrated_ones_have_uniform_p_values(operator, statistic):
    before = p_values(operator, shifted(1, 1000), "tiny-table:1", statistic)
    assert (before <= 0.05).mean() > 0.3
    answer = calibrate(operator, shifted(0, 6000), "?model=tiny-table&data=our+own")
    assert answer.status_code == 201, answer.text
    after = p_values(operator, shifted(1, 1000), "tiny-table", statistic)
    assert kstest(after, "uniform").pvalue > 1e-3
    false_alarms = betabinom(len(after), 300, 6001 - 300)  # how many p-values of at most 0.05
    assert false_alarms.ppf(0.001) <= (after <= 0.05).sum() <= false_alarms.ppf(0.999)


def test_the_answer_says_what_can_be_promised(operator):
    answer = calibrate(operator, shifted(0, N))
    TypeAdapter(CalibrateAnswer).validate_json(answer.content, extra="forbid")
    found = answer.json()
    assert (found["model"], found["version"], found["n"], found["served"]) == ("tiny-table", 2, N, True)
    assert found["statistics"] == ["log_prob", "distance"]
    assert found["smallest_p_value"] == found["smallest_alpha"]["marginal"] == 1 / (N + 1)
    for promise, alpha in found["smallest_alpha"].items():
        asked = {"model": "tiny-table", "alpha": alpha, "promise": promise, "inputs": [{"array": [0, 0, 0]}]}
        assert operator.post("/score", json=asked).status_code == 200
        assert operator.post("/score", json={**asked, "alpha": alpha * 0.99}).status_code == 422


def test_the_version_before_is_untouched_and_the_new_one_differs_only_in_its_calibration(operator, own):
    before = files(own.folder("tiny-table", 1))
    assert calibrate(operator, shifted(0, N), "?data=our+own").status_code == 201
    assert files(own.folder("tiny-table", 1)) == before
    after = files(own.folder("tiny-table", 2))
    assert {name for name in before if before[name] != after[name]} == {"calibration.npz", "CARD.md", "manifest.json"}
    assert after["CARD.md"].startswith(before["CARD.md"].rstrip())
    card = after["CARD.md"].decode()
    assert "From `tiny-table:1`, on 399 items: our own." in card
    manifest = bundle.read(own.folder("tiny-table", 2)).manifest
    assert (manifest.score.calibration.n, manifest.score.calibration.data) == (N, "our own")


def test_every_kind_of_body_calibrates_alike(operator, own):
    rows = shifted(0, 25)
    csv = "alcohol,ash,hue\n" + "\n".join(",".join(map(repr, row)) for row in rows.astype(float).tolist())
    posts = [
        {"content": npy(rows), "headers": {"content-type": "application/x-npy", **HEADERS}},
        {"content": csv, "headers": {"content-type": "text/csv", **HEADERS}},
        {"json": {"inputs": [{"array": row} for row in rows.tolist()]}, "headers": HEADERS},
    ]
    answers = [operator.post("/calibrate?model=tiny-table:1&data=same", **options) for options in posts]
    assert [answer.status_code for answer in answers] == [201] * 3
    folders = [own.folder("tiny-table", answer.json()["version"]) for answer in answers]
    assert len({(folder / "calibration.npz").read_bytes() for folder in folders}) == 1
    assert len({(folder / "CARD.md").read_bytes() for folder in folders}) == 1


def test_what_a_json_body_says_counts_more_than_the_query(operator, own):
    body = {"data": "from the body", "inputs": [{"array": row} for row in shifted(0, 20).tolist()]}
    answer = operator.post("/calibrate?model=tiny-table&data=query", json=body, headers=HEADERS)
    assert answer.status_code == 201
    assert bundle.read(own.folder("tiny-table", 2)).manifest.score.calibration.data == "from the body"


def test_many_at_once_get_a_version_each(operator, own):
    headers = {"content-type": "application/x-npy", **HEADERS}
    answers = operator.together(
        [("/calibrate", {"content": npy(shifted(seed, 20 + seed)), "headers": headers}) for seed in range(6)]
    )
    assert [answer.status_code for answer in answers] == [201] * 6
    assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4, 5, 6, 7]
    for answer in answers:
        written = bundle.read(own.folder("tiny-table", answer.json()["version"]))
        assert written.manifest.score.calibration.n == answer.json()["n"]


def test_a_promoted_name_goes_on_to_mean_that_version_which_the_answer_says(operator, own):
    own.promote("tiny-table", 1)
    answer = calibrate(operator, shifted(0, N)).json()
    assert answer["notes"] == ["tiny-table goes on to mean version 1, which is promoted"]
    assert (answer["version"], answer["served"]) == (2, True)
    assert operator.get("/models/tiny-table").json()["version"] == 1


def test_calibrated_items_do_not_count_for_drift(operator):
    assert calibrate(operator, shifted(0, N)).status_code == 201
    assert [operator.get(f"/models/tiny-table:{v}/drift").json()["items"] for v in (1, 2)] == [0, 0]


@pytest.mark.parametrize(
    ("rows", "message", "index"),
    [
        (shifted(0, 19), "expected at least 20 normal items to calibrate on, got 19", None),
        (np.vstack([shifted(0, 30), [[200, 0, 0]]]).astype(np.float32), "expected a finite log_prob, got -inf", 30),
        (np.zeros((30, 2), np.float32), "expected", None),
    ],
)
def test_what_cannot_be_calibrated_on_is_refused_and_writes_nothing(operator, own, rows, message, index):
    answer = calibrate(operator, rows)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]
    assert answer.json().get("index") == index
    assert own.versions("tiny-table") == [1]


def test_blank_lines_do_not_count_as_items(operator):
    csv = "alcohol,ash,hue\n" + "0,0,0\n" * 19 + "\n\n"
    answer = operator.post("/calibrate", content=csv, headers={"content-type": "text/csv", **HEADERS})
    assert answer.status_code == 422


def test_a_model_without_a_score_is_refused(operator):
    answer = calibrate(operator, shifted(0, 30), "?model=tiny-gan")
    assert answer.json()["type"] == "urn:pofx:problem:capability-missing"


@pytest.mark.parametrize("headers", [{}, {"X-Operator-Key": ""}, {"X-Operator-Key": "wrong"}])
def test_without_the_right_key_nothing_happens(operator, own, headers):
    answer = calibrate(operator, shifted(0, 30), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:pofx:problem:operator-only")
    assert KEY not in answer.text
    assert own.versions("tiny-table") == [1]


@pytest.mark.parametrize("headers", [{}, {"X-Operator-Key": ""}, HEADERS])
def test_without_a_key_in_the_settings_nobody_may_and_the_answer_says_how(client, headers):
    answer = calibrate(client, shifted(0, 30), headers=headers)
    assert answer.status_code == 403
    assert "SERVICE_OPERATOR_KEY" in answer.json()["detail"]


def test_the_operator_needs_an_api_key_too_where_there_are_any(own, serve):
    with serve(store=own.root, operator_key=KEY, api_keys=("client",)) as guarded:
        assert calibrate(guarded, shifted(0, 30)).status_code == 401
        assert calibrate(guarded, shifted(0, 30), headers={"X-API-Key": "client"}).status_code == 403
        assert calibrate(guarded, shifted(0, 30), headers={**HEADERS, "X-API-Key": "client"}).status_code == 201


def test_a_store_that_cannot_be_written_is_said_to_be_so(operator, own):
    shutil.rmtree(own.root)
    own.root.write_bytes(b"not a folder")
    answer = calibrate(operator, shifted(0, 30))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:pofx:problem:store-unwritable")


def test_a_changed_source_is_said_to_be_so(operator, own):
    (own.folder("tiny-table", 1) / "CARD.md").write_bytes(b"changed")
    answer = calibrate(operator, shifted(0, 30))
    assert answer.status_code == 409
    assert "CARD.md" in answer.json()["detail"]
