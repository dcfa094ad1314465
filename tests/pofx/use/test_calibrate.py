"""The next version of a bundle: what stays, what changes, and what it no longer claims."""

import dataclasses
import datetime
import io
import json

import numpy as np
import pytest

from pofx import bundle
from pofx.errors import CapabilityMissing, RequestInvalid
from pofx.use.calibrate import Labelled, NewCalibration, check_count, labelled, recalibrated

STATISTICS = {name: np.random.default_rng(2).standard_normal(50) for name in ("log_prob", "distance")}
NEW = NewCalibration(STATISTICS, "our\n own", datetime.date(2026, 3, 1))


def metric(name):
    return bundle.Metric(name=name, value=0.5, unit="rate", split="test", protocol="none")


@pytest.fixture
def own_store(tmp_path):
    return bundle.Store(tmp_path / "store")


@pytest.fixture
def scoring(own_store, drafts):
    """The tiny model of a table, with metrics."""
    draft = drafts["table"]()
    draft.calibrate()
    body = draft.body().model_copy(update={"metrics": tuple(map(metric, ("nll", "false_alarm_rate_0.01", "auroc")))})
    files = {**draft.files, "golden.npz": b"golden", "CARD.md": b"# card"}
    return bundle.write(own_store, "tiny-table", body, files)


def arrays(content):
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_only_calibration_card_and_metrics_change(own_store, scoring):
    written = bundle.write(own_store, "tiny-table", *recalibrated(scoring, NEW))
    old, new = scoring.manifest, written.manifest
    assert (new.name, new.version) == ("tiny-table", 2)
    assert new.score.calibration == bundle.Calibration(
        file="calibration.npz", n=50, data="our own", held_out=new.score.calibration.held_out
    )
    assert [item.name for item in new.metrics] == ["nll", "auroc"]
    kept = set(bundle.ManifestBody.model_fields) - {"score", "metrics"}
    assert new.model_dump(include=kept) == old.model_dump(include=kept)
    changed = {name for name in old.files if old.files[name] != new.files[name]}
    assert changed == {"CARD.md", "calibration.npz"}
    stored = arrays(written.read_bytes("calibration.npz"))
    assert all(np.array_equal(stored[name], np.sort(values)) for name, values in STATISTICS.items())


def test_the_card_tells_the_whole_history(own_store, scoring):
    second = bundle.write(own_store, "tiny-table", *recalibrated(scoring, NEW))
    fewer = dataclasses.replace(NEW, statistics={name: values[:40] for name, values in STATISTICS.items()})
    third = bundle.write(own_store, "tiny-table", *recalibrated(second, fewer))
    card = third.read_bytes("CARD.md").decode()
    assert card.startswith("# card\n\n## Recalibrated on 2026-03-01\n\nFrom `tiny-table:1`, on 50 items: our own.")
    assert card.index("`tiny-table:1`") < card.index("`tiny-table:2`")
    assert "`tiny-table:2`" not in second.read_bytes("CARD.md").decode()


def test_labels_are_those_of_the_new_items(own_store, scoring):
    counts = (bundle.LabelCount(name="a", n=20), bundle.LabelCount(name="b", n=30))
    labels = Labelled(counts, np.repeat(np.array([0, 1], np.uint8), [20, 30]))
    second = bundle.write(own_store, "tiny-table", *recalibrated(scoring, dataclasses.replace(NEW, labels=labels)))
    assert second.manifest.score.calibration.labels == counts
    assert "Per label: a (20), b (30)." in second.read_bytes("CARD.md").decode()
    third = bundle.write(own_store, "tiny-table", *recalibrated(second, NEW))
    assert third.manifest.score.calibration.labels == ()


def test_what_was_measured_stays_where_the_items_are_the_same(own_store, scoring):
    held_out = arrays(scoring.read_bytes("calibration.npz"))
    new = dataclasses.replace(NEW, statistics={name: values[::-1] for name, values in held_out.items()})
    same = bundle.write(own_store, "tiny-table", *recalibrated(scoring, new))
    assert same.manifest.metrics == scoring.manifest.metrics
    assert "p-values and what was measured above stay as they are" in same.read_bytes("CARD.md").decode()


def blocks(levels, each):
    """Values of windows of recordings, one recording after another, each at a level of its own."""
    random = np.random.default_rng(4)
    return {name: np.repeat(levels, each) + 0.1 * random.standard_normal(len(levels) * each) for name in STATISTICS}


def test_items_of_which_one_half_is_unlike_the_other_are_marked_until_others_replace_them(own_store, scoring):
    windows = dataclasses.replace(NEW, statistics=blocks([0.0, 0.2, 0.1, 3.0, 0.1, 0.3], 50))
    second = bundle.write(own_store, "tiny-table", *recalibrated(scoring, windows))
    held_out = second.manifest.score.calibration.held_out
    assert held_out.items == 300
    assert {item.statistic for item in held_out.excess} == {"log_prob", "distance"}
    assert all(item.rate > item.limit > item.alpha for item in held_out.excess)
    title, warned, *_ = second.read_bytes("CARD.md").decode().split("\n\n")
    assert title == "# card"
    assert "more false alarms than promised" in warned
    third = bundle.write(own_store, "tiny-table", *recalibrated(second, NEW))
    assert third.manifest.score.calibration.held_out.excess == ()
    assert "more false alarms than promised" not in third.read_bytes("CARD.md").decode()


def test_the_mark_stays_where_the_items_are_the_same(own_store, scoring):
    windows = dataclasses.replace(NEW, statistics=blocks([0.0, 3.0], 150))
    second = bundle.write(own_store, "tiny-table", *recalibrated(scoring, windows))
    shuffled = {name: values[np.random.default_rng(0).permutation(300)] for name, values in windows.statistics.items()}
    third = bundle.write(own_store, "tiny-table", *recalibrated(second, dataclasses.replace(NEW, statistics=shuffled)))
    assert third.manifest.score.calibration.held_out == second.manifest.score.calibration.held_out
    assert third.read_bytes("CARD.md").decode().count("more false alarms than promised") == 1


def test_items_sorted_by_label_are_not_marked_for_that(own_store, scoring):
    values = np.concatenate([np.random.default_rng(6).normal(level, size=150) for level in (0, 3)])
    labels = labelled(np.repeat([0, 1], 150), ("a", "b"))
    sorted_items = NewCalibration(dict.fromkeys(STATISTICS, values), "sorted", NEW.date)
    body, _ = recalibrated(scoring, sorted_items)
    assert body.score.calibration.held_out.excess
    body, _ = recalibrated(scoring, dataclasses.replace(sorted_items, labels=labels))
    assert body.score.calibration.held_out.excess == ()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([("a", 20), ("b", 29)], "expected labels of 50 calibration items, got labels of 49"),
        ([("a", 20), ("a", 30)], "labels of the calibration must be unique"),
        ([("a", 50), ("b", 0)], "greater than or equal to 1"),
    ],
)
def test_a_bundle_whose_labels_do_not_add_up_is_not_read(scoring, labels, message):
    manifest = json.loads((scoring.folder / bundle.MANIFEST_FILE).read_bytes())
    counts = [{"name": name, "n": n} for name, n in labels]
    manifest["score"]["calibration"] |= {"n": 50, "labels": counts}
    (scoring.folder / bundle.MANIFEST_FILE).write_text(json.dumps(manifest))
    with pytest.raises(bundle.BundleCorrupt, match=message):
        bundle.read(scoring.folder)


@pytest.mark.parametrize("field", ["labels", "held_out"])
def test_a_bundle_from_before_there_were_labels_or_marks_is_read(scoring, field):
    manifest = json.loads((scoring.folder / bundle.MANIFEST_FILE).read_bytes())
    del manifest["score"]["calibration"][field]
    (scoring.folder / bundle.MANIFEST_FILE).write_text(json.dumps(manifest))
    assert bundle.read(scoring.folder).manifest == scoring.manifest


def test_a_model_without_a_score_has_nothing_to_calibrate(own_store, drafts):
    written = drafts["implicit_image"]().write(own_store)
    with pytest.raises(CapabilityMissing, match="tiny-gan:1 has no score"):
        recalibrated(written, NEW)


def test_too_few_items_promise_nothing():
    check_count(20)
    with pytest.raises(RequestInvalid, match="at least 20 normal items to calibrate on, got 19"):
        check_count(19)
