"""pofx models and pofx calibrate on a store."""

import numpy as np
import pytest


@pytest.fixture
def two(run, here):
    """A second version of a model, calibrated on other items."""
    np.save(here / "own.npy", np.random.default_rng(2).standard_normal((60, 3)).astype(np.float32))
    return run(["calibrate", "tiny-table", "own.npy", "--data", "my own"])


def test_calibrating_says_what_can_be_promised(two, kept, opened):
    assert "calibrated on 60 items" in two.stdout
    assert "marginal 0.0164" in two.stdout
    assert opened("tiny-table:2").info.score.calibration.data == "my own"


def test_labels_of_a_column_calibrate_per_label(run, table, opened):
    table.assign(note=["red", "blue"] * 20).to_csv("labelled.csv", index=False)
    assert "per label: blue 20 items, red 20 items" in run("calibrate tiny-table labelled.csv --labels note").stdout
    assert "not called" not in run("score labelled.csv -m tiny-table --label red -o out.csv").stdout
    assert "no column 'colour'" in run("calibrate tiny-table labelled.csv --labels colour", 2).stderr


@pytest.mark.usefixtures("two")
def test_every_model_is_listed_and_nothing_is_cut_off(run):
    listed = run("models list").stdout
    assert all(name in listed for name in ("tiny-made", "tiny-vae", "tiny-table", "tiny-text", "tiny-audio"))
    assert "…" not in listed
    assert max(map(len, listed.splitlines())) <= 80
    assert run("models list --versions").stdout.count("tiny-table") == 2
    assert "no bundles in nowhere" in run("models list --store nowhere").stdout


@pytest.mark.usefixtures("two")
def test_a_model_is_shown(run):
    shown = run("models show tiny-table").stdout
    assert all(words in shown for words in ("tiny-table:2", "alcohol, ash, hue", "60 items, my own"))
    assert "1.0" not in run("models show tiny-table:1 --metrics").stderr


@pytest.mark.usefixtures("two")
def test_a_difference_shows_what_changed_and_how_verdicts_do(run, table):
    shown = run("models diff tiny-table:1 tiny-table:2 --on rows.csv").stdout
    assert "random" in shown
    assert "my own" in shown
    assert "alcohol" not in shown
    assert "p-values apart" in shown
    same = run("models diff tiny-table:2 tiny-table:2 --on rows.csv").stdout
    assert "median 0" in same
    assert "p-value of item" not in same
    assert "do not take the same items" in run("models diff tiny-table tiny-made --on rows.csv", 2).stderr


@pytest.mark.usefixtures("two")
def test_versions_are_promoted_rolled_back_and_removed(run, kept):
    run("models promote tiny-table:1")
    assert kept.meant("tiny-table") == 1
    assert "1*" in run("models list").stdout
    assert "promoted" in run("models remove tiny-table:1 --yes", 2).stderr
    assert "tiny-table now means tiny-table:2" in run("models rollback tiny-table").stdout
    assert "expected tiny-table:VERSION" in run("models remove tiny-table --yes", 2).stderr
    run("models remove tiny-table:1 --yes")
    assert kept.versions("tiny-table") == [2]
    run("models remove tiny-table:2", 1)  # nobody said yes
    assert kept.versions("tiny-table") == [2]


def test_verification_says_what_is_wrong(run, here):
    assert set(run("models verify").stdout.split()[1::2]) == {"ok"}
    (here / "models" / "tiny-made" / "1" / "CARD.md").write_text("other")
    result = run("models verify tiny-made tiny-vae", 1)
    assert "CARD.md" in result.stdout
    assert "tiny-vae:1: ok" in result.stdout
