"""The next version of a bundle: what stays, what changes, and what it no longer claims."""

import datetime
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
