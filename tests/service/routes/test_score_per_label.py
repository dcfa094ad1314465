"""POST /score with a label: items among the calibration items of their own class, in every form."""

import csv
import io

import numpy as np
import pytest
from pydantic import TypeAdapter

from pofx import bundle
from pofx.rules.conformal import ranked
from pofx.rules.promises import smallest_alpha
from service.schemas.score import ScoreAnswer

COUNTS = {"narrow": 140, "wide": 40, "3": 19}
SPREADS = np.repeat([1.0, 3.0, 0.3], list(COUNTS.values()))
NPY = {"Content-Type": "application/x-npy"}


def npz(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def per_label(draft, counts=COUNTS):
    """The draft, calibrated on rows of three classes of different spread."""
    labels = np.repeat(np.arange(len(COUNTS), dtype=np.uint8), list(COUNTS.values()))
    rows = (np.random.default_rng(9).standard_normal((199, 3)) * SPREADS[:, None]).astype(np.float32)
    score = draft.capabilities["score"]
    listed = tuple(bundle.LabelCount(name=name, n=n) for name, n in counts.items())
    changed = score.calibration.model_copy(update={"labels": listed})
    draft.capabilities["score"] = score.model_copy(update={"calibration": changed})
    names = [item.name for item in draft.graphs["score"].outputs]
    found = dict(zip(names, draft.runs["score"]({"row": rows}), strict=True))
    values = {item.name: found[item.name] for item in score.statistics}
    draft.calibrate = lambda: draft.files.update({"calibration.npz": npz(ranked(values, labels))})
    draft.own = {name: values["log_prob"][labels == place].astype(float) for place, name in enumerate(COUNTS)}
    return draft


@pytest.fixture(scope="module")
def draft(drafts):
    return per_label(drafts["table"]())


@pytest.fixture(scope="module")
def own_store(draft, tmp_path_factory, drafts):
    found = bundle.Store(tmp_path_factory.mktemp("labelled"))
    draft.write(found)
    drafts["exact_image"]().write(found)
    return found


@pytest.fixture
def labelled(serve, own_store):
    with serve(store=own_store.root, operator_key="key", rescan_s=0) as client:
        yield client


def ask(client, rows, label, **more):
    inputs = [{"array": row} for row in rows.tolist()]
    return client.post("/score", json={"model": "tiny-table", "inputs": inputs, "label": label, **more})


def answered(response):
    assert response.status_code == 200, response.text
    return response.json()


def by_hand(own, log_prob):
    return (1 + (own <= log_prob).sum()) / (len(own) + 1)


def test_p_values_compare_with_the_items_of_that_label(labelled, rows, draft):
    for label, n in COUNTS.items():
        response = ask(labelled, rows, label, alpha=0.05)
        answer = answered(response)
        TypeAdapter(ScoreAnswer).validate_json(response.content, extra="forbid")
        least = {"n": n, "threshold": 0.05, "smallest_p_value": 1 / (n + 1)}
        assert answer["calibration"]["labels"] == [{"label": label, **least}]
        assert answer["calibration"].items() >= {**least, "alpha": 0.05, "promise": "marginal"}.items()
        for item in answer["results"]:
            assert item["label"] == label
            assert item["p_value"] == by_hand(draft.own[label], item["log_prob"])
            assert item["anomaly"] == (item["p_value"] <= 0.05)


def test_a_label_for_each_item_is_as_if_each_came_alone(labelled, rows):
    labels = [("narrow", "wide", 3)[index % 3] for index in range(len(rows))]
    together = answered(ask(labelled, rows, labels, promise="pac", alpha=0.2))
    assert [used["label"] for used in together["calibration"]["labels"]] == ["narrow", "wide", "3"]
    assert together["calibration"]["n"] == 19
    for label in ("narrow", "wide", 3):
        own = [index for index, name in enumerate(labels) if name == label]
        apart = answered(ask(labelled, rows[own], label, promise="pac", alpha=0.2))
        assert [together["results"][index] for index in own] == apart["results"]
        assert apart["calibration"]["labels"][0] in together["calibration"]["labels"]


def test_the_bar_of_an_item_is_that_of_its_label(labelled, rows):
    rows = np.concatenate([rows * scale for scale in (0.5, 1, 2, 4)])
    labels = (["narrow", "wide", "3", "wide"] * len(rows))[: len(rows)]
    answer = answered(ask(labelled, rows, labels, promise="pac", alpha=0.2))
    bars = {used["label"]: used["threshold"] for used in answer["calibration"]["labels"]}
    assert bars["3"] < bars["wide"] < bars["narrow"]
    assert [item["anomaly"] for item in answer["results"]] == [
        item["p_value"] <= bars[item["label"]] for item in answer["results"]
    ]
    for other in ("narrow", "3"):  # the bar of another label would have said otherwise
        assert any((item["p_value"] <= bars[other]) != item["anomaly"] for item in answer["results"])


def test_without_a_label_all_items_are_compared_with(labelled, rows, draft):
    answer = answered(ask(labelled, rows, None))
    assert "labels" not in answer["calibration"]
    everything = np.concatenate(list(draft.own.values()))
    for item in answer["results"]:
        assert "label" not in item
        assert item["p_value"] == by_hand(everything, item["log_prob"])


def test_every_form_of_a_request_may_name_a_label(labelled, rows):
    expected = answered(ask(labelled, rows, "wide"))["results"]
    path = "/score?model=tiny-table&label=wide"
    text = "alcohol,ash,hue\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows.astype(float).tolist())
    assert answered(labelled.post(path, content=npy(rows), headers=NPY))["results"] == expected
    assert answered(labelled.post(path, content=text, headers={"Content-Type": "text/csv"}))["results"] == expected
    listed = labelled.post(f"{path}&label=3", content=npy(rows[:2]), headers=NPY)
    assert [item["label"] for item in answered(listed)["results"]] == ["wide", "3"]


def test_a_table_says_the_label_of_every_row(labelled, rows):
    path, headers = "/score?model=tiny-table&label=wide&label=narrow", {**NPY, "Accept": "text/csv"}
    lines = list(csv.DictReader(io.StringIO(labelled.post(path, content=npy(rows[:2]), headers=headers).text)))
    assert [line["label"] for line in lines] == ["wide", "narrow"]
    records = labelled.post(path, content=npy(rows[:2]), headers={**NPY, "Accept": "application/x-npy"})
    assert np.load(io.BytesIO(records.content), allow_pickle=False)["label"].tolist() == ["wide", "narrow"]


def test_discoveries_are_among_the_p_values_of_the_labels(labelled, rows):
    rows[:30] += 50
    labels = ["narrow", "wide"] * 20
    answer = answered(ask(labelled, rows, labels, fdr=0.1))
    threshold = answer["multiple_testing"]["threshold"]
    assert threshold >= 1 / 41
    assert [item["discovery"] for item in answer["results"]] == [
        item["p_value"] <= threshold for item in answer["results"]
    ]
    assert all(item["discovery"] for item in answer["results"][:30])
    note = answered(ask(labelled, rows, "3", fdr=0.05))["notes"][0]
    assert "with 19 calibration items of label '3'" in note


@pytest.mark.parametrize(
    ("label", "more", "words", "member"),
    [
        ("cat", {}, "no label 'cat'; this model has: narrow, wide, 3", ("labels", ["narrow", "wide", "3"])),
        (["narrow", "cat"], {}, "no label 'cat'", ("labels", ["narrow", "wide", "3"])),
        (["narrow"], {}, "expected 2 labels, one per item, got 1", ("status", 422)),
        ([], {}, "expected the name of a label", ("status", 422)),
        (True, {}, "expected the name of a label", ("status", 422)),
        ("wide", {"alpha": 0.01}, "with 40 calibration items of label 'wide'", ("calibration_n_needed", 99)),
        (["narrow", "3"], {"alpha": 0.02}, "with 19 calibration items of label '3'", ("label", "3")),
        ("narrow", {"alpha": 0.01, "promise": "pac"}, "140 calibration items of", ("calibration_n_needed", 299)),
        ("3", {"fdr": 0.01}, "fdr 0.01 allows no discovery", ("calibration_n", 19)),
        (["narrow", "3"], {"fdr": 0.02, "alpha": 0.1}, "fdr 0.02 allows no discovery", ("calibration_n", 19)),
    ],
)
def test_refusals_are_precise(labelled, rows, label, more, words, member):
    response = ask(labelled, rows[:2], label, **more)
    assert response.status_code == 422, response.text
    assert words in response.json()["detail"]
    assert response.json()[member[0]] == member[1]


def test_a_missing_alpha_is_raised_to_what_the_smallest_class_allows(labelled, rows):
    assert answered(ask(labelled, rows, "narrow"))["calibration"]["alpha"] == 0.01
    mixed = answered(ask(labelled, rows, ["narrow", "3"] * 20))["calibration"]
    assert mixed["alpha"] == mixed["smallest_p_value"] == 0.05


def test_a_model_that_is_not_calibrated_per_label_says_so(labelled, pixels):
    body = {"model": "tiny-made", "inputs": [{"array": pixels[0].tolist()}], "label": "3"}
    answer = labelled.post("/score", json=body)
    assert answer.status_code == 422
    assert "tiny-made:1 is not calibrated per label" in answer.json()["detail"]
    assert answer.json()["errors"][0]["pointer"] == "/label"


def test_the_model_lists_its_labels(labelled):
    listed = labelled.get("/models/tiny-table").json()["score"]["calibration"]["labels"]
    assert listed == [
        {"label": name, "n": n, "smallest_p_value": 1 / (n + 1), "smallest_alpha": smallest_alpha(n, len(COUNTS))}
        for name, n in COUNTS.items()
    ]
    assert list(listed[0]["smallest_alpha"]) == ["marginal", "pac", "pac_all"]
    assert labelled.get("/models/tiny-made").json()["score"]["calibration"]["labels"] == []


def test_an_option_that_is_given_twice_is_refused_where_it_is_no_list(labelled, rows):
    answer = labelled.post("/score?model=tiny-table&alpha=0.1&alpha=0.2", content=npy(rows), headers=NPY)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/alpha")


def test_calibrating_without_labels_says_what_is_lost(serve, tmp_path, drafts):
    own = bundle.Store(tmp_path)
    per_label(drafts["table"]()).write(own)
    rows = np.random.default_rng(0).standard_normal((30, 3)).astype(np.float32)
    with serve(store=own.root, operator_key="key", rescan_s=0) as client:
        answer = client.post("/calibrate", content=npy(rows), headers={**NPY, "X-Operator-Key": "key"})
        assert answer.status_code == 201, answer.text
        assert "is calibrated per label, the new version is not" in answer.json()["notes"][0]
        assert ask(client, rows, "wide").status_code == 422


def refused(serve, tmp_path, draft):
    draft.write(bundle.Store(tmp_path))
    with serve(store=tmp_path) as client:
        return client.get("/models").json()["refused"][0]["reason"]


def test_labels_that_are_not_those_of_the_manifest_refuse_the_bundle(serve, tmp_path, drafts):
    draft = per_label(drafts["table"](), {"narrow": 139, "wide": 41, "3": 19})
    reason = refused(serve, tmp_path, draft)
    assert "labels of 'log_prob': expected [139, 41, 19] items, as in the manifest, got [140, 40, 19]" in reason


@pytest.mark.parametrize(
    "spoilt",
    [None, np.zeros(199), np.zeros(198, np.uint8), np.full(199, 2**64 - 1, np.uint64)],
    ids=["missing", "floats", "too few", "no such label"],
)
def test_labels_that_are_missing_or_malformed_refuse_the_bundle(serve, tmp_path, drafts, spoilt):
    draft = per_label(drafts["table"]())
    write = draft.calibrate

    def spoil():
        write()
        arrays = dict(np.load(io.BytesIO(draft.files["calibration.npz"])))
        del arrays["log_prob.label"]
        draft.files["calibration.npz"] = npz(arrays if spoilt is None else {**arrays, "log_prob.label": spoilt})

    draft.calibrate = spoil
    assert "labels of 'log_prob': expected" in refused(serve, tmp_path, draft)
