"""The next version of a bundle: what stays, what changes, and what it no longer claims."""

import dataclasses
import datetime
import json
import math

import pytest

import bundle

NEW = bundle.NewCalibration(b"sorted", 50, "our\n own", datetime.date(2026, 3, 1))


def metric(name):
    return bundle.Metric(name=name, value=0.5, unit="rate", split="test", protocol="none")


@pytest.fixture
def scoring(store, body, files):
    """The tiny bundle with a score, a calibration and metrics."""
    encode = body.graphs["encode"]
    log_prob = bundle.ArraySpec(name="log_prob", dtype="float32", shape=("batch",))
    score = bundle.Score(
        graph="score",
        kind="exact",
        density_of="x",
        statistics=(bundle.Statistic(name="log_prob", unit="nats", tail="low", description="how likely"),),
        calibration=bundle.Calibration(file="held-out.npz", n=9, data="before"),
    )
    changed = {
        **body.model_dump(),
        "kind": "exact",
        "score": score,
        "graphs": {"encode": encode, "score": encode.model_copy(update={"outputs": (log_prob,)})},
        "golden": bundle.Golden(
            file="golden.npz", tolerances=dict.fromkeys(("encode", "score"), body.golden.tolerances["encode"])
        ),
        "metrics": (metric("nll"), metric("false_alarm_rate_0.01"), metric("auroc")),
    }
    return bundle.write(store, "adder", bundle.ManifestBody(**changed), {**files, "held-out.npz": b"before"})


def test_only_calibration_card_and_metrics_change(store, scoring):
    written = bundle.write(store, "adder", *bundle.recalibrated(scoring, NEW))
    old, new = scoring.manifest, written.manifest
    assert (new.name, new.version) == ("adder", 2)
    assert new.score.calibration == bundle.Calibration(file="held-out.npz", n=50, data="our own")
    assert [item.name for item in new.metrics] == ["nll", "auroc"]
    kept = set(bundle.ManifestBody.model_fields) - {"score", "metrics"}
    assert new.model_dump(include=kept) == old.model_dump(include=kept)
    changed = {name for name in old.files if old.files[name] != new.files[name]}
    assert changed == {"CARD.md", "held-out.npz"}
    assert written.read_bytes("held-out.npz") == b"sorted"


def test_the_card_tells_the_whole_history(store, scoring):
    second = bundle.write(store, "adder", *bundle.recalibrated(scoring, NEW))
    third = bundle.write(store, "adder", *bundle.recalibrated(second, NEW))
    card = third.read_bytes("CARD.md").decode()
    assert card.startswith("# card\n\n## Recalibrated on 2026-03-01\n\nFrom `adder:1`, on 50 items: our own.")
    assert card.index("`adder:1`") < card.index("`adder:2`")
    assert "`adder:2`" not in second.read_bytes("CARD.md").decode()


def test_labels_are_those_of_the_new_items(store, scoring):
    labels = (bundle.LabelCount(name="a", n=20), bundle.LabelCount(name="b", n=30))
    second = bundle.write(store, "adder", *bundle.recalibrated(scoring, dataclasses.replace(NEW, labels=labels)))
    assert second.manifest.score.calibration.labels == labels
    assert "Per label: a (20), b (30)." in second.read_bytes("CARD.md").decode()
    third = bundle.write(store, "adder", *bundle.recalibrated(second, NEW))
    assert third.manifest.score.calibration.labels == ()


def test_what_was_measured_stays_where_the_items_are_the_same(store, scoring):
    same = bundle.write(store, "adder", *bundle.recalibrated(scoring, dataclasses.replace(NEW, same_values=True)))
    assert same.manifest.metrics == scoring.manifest.metrics
    assert "p-values and what was measured above stay as they are" in same.read_bytes("CARD.md").decode()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([("a", 20), ("b", 29)], "expected labels of 50 calibration items, got labels of 49"),
        ([("a", 20), ("a", 30)], "labels of the calibration must be unique"),
        ([("a", 50), ("b", 0)], "greater than or equal to 1"),
    ],
)
def test_a_bundle_whose_labels_do_not_add_up_is_not_read(store, scoring, labels, message):
    manifest = json.loads((scoring.folder / bundle.MANIFEST_FILE).read_bytes())
    counts = [{"name": name, "n": n} for name, n in labels]
    manifest["score"]["calibration"] |= {"n": 50, "labels": counts}
    (scoring.folder / bundle.MANIFEST_FILE).write_text(json.dumps(manifest))
    with pytest.raises(bundle.BundleCorrupt, match=message):
        bundle.read(scoring.folder)


def test_a_bundle_from_before_there_were_labels_is_read(scoring):
    manifest = json.loads((scoring.folder / bundle.MANIFEST_FILE).read_bytes())
    del manifest["score"]["calibration"]["labels"]
    (scoring.folder / bundle.MANIFEST_FILE).write_text(json.dumps(manifest))
    assert bundle.read(scoring.folder).manifest == scoring.manifest


def test_a_model_without_a_score_has_nothing_to_calibrate(written):
    with pytest.raises(ValueError, match="adder:1 has no score"):
        bundle.recalibrated(written, NEW)


@pytest.mark.parametrize("n", [1, 20, 299, 10_000])
def test_the_smallest_alphas_are_the_ones_that_can_fire_once(n):
    found = bundle.smallest_alpha(n)
    assert found["marginal"] == 1 / (n + 1)
    assert 1 - (1 - found["pac"]) ** n == pytest.approx(0.95, abs=1e-7)
    assert found["pac"] >= found["marginal"]
    assert math.isclose(bundle.smallest_alpha(299)["pac"], 0.01, rel_tol=0.01)
