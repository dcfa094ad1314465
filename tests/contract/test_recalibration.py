"""Calibrating a shipped bundle offline and over HTTP gives the same new version."""

import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import pofx
from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.use import recalibration
from training import cli
from training.data import bundled


def recalibrate(store, reference, *rest):
    return recalibration.recalibrate(store, pofx.load(reference, store=store.root).loaded, *rest)


ROOT = Path(__file__).parents[2]
DIGITS, TUMOURS = "digits-bernoulli", "breast-cancer-gmm"


@pytest.fixture
def store(tmp_path):
    """Two shipped bundles in a store of one's own."""
    for name in (DIGITS, TUMOURS):
        shutil.copytree(ROOT / "models" / name, tmp_path / "store" / name)
    return bundle.Store(tmp_path / "store")


def shipped(name):
    """The version that is shipped; recalibrated ones come after it."""
    return f"{name}:{bundle.Store(ROOT / 'models').versions(name)[-1]}"


def latest(store, name):
    return bundle.read(store.locate(bundle.Reference.parse(name)))


def arrays(found):
    with np.load(io.BytesIO(found.read_bytes(found.manifest.score.calibration.file))) as file:
        return {name: file[name] for name in file.files}


def over_http(store, post, name, items):
    buffer = io.BytesIO()
    np.save(buffer, items)
    headers = {"content-type": "application/x-npy", "x-operator-key": "key"}
    answer = post(store.root, f"/calibrate?model={shipped(name)}", content=buffer.getvalue(), headers=headers)
    assert answer.status_code == 201, answer.text
    return bundle.read(store.folder(name, answer.json()["version"]))


@pytest.fixture
def operate(post, monkeypatch):
    """Posts to a service whose operator key is set in the environment."""
    monkeypatch.setenv("SERVICE_OPERATOR_KEY", "key")
    return post


@pytest.fixture
def tumours():
    """Rows of the columns that the shipped model has."""
    spec = latest(bundle.Store(ROOT / "models"), TUMOURS).manifest.input
    return bundled.breast_cancer(tuple(column.name for column in spec.columns))


def test_digits_from_npy_images_and_http_calibrate_alike(store, tmp_path, operate):
    items = bundled.digits().x[:60]
    np.save(tmp_path / "items.npy", items)
    (tmp_path / "images").mkdir()
    for index, item in enumerate(items):
        Image.fromarray(item[..., 0]).save(tmp_path / "images" / f"{index:03}.png")
    from_array = recalibrate(store, shipped(DIGITS), tmp_path / "items.npy", "digits")
    from_images = recalibrate(store, shipped(DIGITS), tmp_path / "images", "digits")
    served = over_http(store, operate, DIGITS, items)
    assert [found.manifest.version for found in (from_array, from_images, served)] == [
        from_array.manifest.version + step for step in range(3)
    ]
    for name, values in arrays(served).items():
        assert (values.dtype, values.shape) == (np.float64, (60,))
        np.testing.assert_array_equal(values, arrays(from_array)[name])
        np.testing.assert_array_equal(values, arrays(from_images)[name])


def test_a_table_by_name_and_http_calibrate_alike(store, tmp_path, operate, tumours):
    frame = pd.DataFrame(tumours.x, columns=list(tumours.columns))
    frame[frame.columns[::-1]].assign(note="text").to_csv(tmp_path / "own.csv", index=False)
    offline = recalibrate(store, shipped(TUMOURS), tmp_path / "own.csv", "tumours")
    served = over_http(store, operate, TUMOURS, tumours.x)
    for name, values in arrays(served).items():
        np.testing.assert_allclose(values, arrays(offline)[name], rtol=1e-6)


def test_rows_with_gaps_calibrate_alike(store, tmp_path, operate, tumours):
    rows = tumours.x.copy()
    rows[::4, 2] = np.nan
    np.save(tmp_path / "own.npy", rows)
    offline = recalibrate(store, shipped(TUMOURS), tmp_path / "own.npy", "tumours")
    served = over_http(store, operate, TUMOURS, rows)
    for found in (offline, served):
        assert found.manifest.score.calibration.incomplete == len(rows[::4])
    for name, values in arrays(served).items():
        np.testing.assert_allclose(values, arrays(offline)[name], rtol=1e-6)


def test_the_command_line_says_what_can_be_promised(store, tmp_path):
    np.save(tmp_path / "own.npy", bundled.digits().x[:199])
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    arguments = ["calibrate", DIGITS, str(tmp_path / "own.npy"), "--store", str(store.root), "--data", "my digits"]
    result = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "calibrated on 199 items" in result.output
    assert "marginal 0.005, pac 0.015" in result.output
    assert {path: path.read_bytes() for path in before} == before
    manifest = latest(store, DIGITS).manifest
    assert (manifest.score.calibration.n, manifest.score.calibration.data) == (199, "my digits")
    assert not [item for item in manifest.metrics if item.name.startswith("false_alarm_rate")]


@pytest.mark.parametrize(
    ("name", "items", "message"),
    [
        (DIGITS, np.zeros((19, 8, 8), np.uint8), "at least 20 normal items to calibrate on, got 19"),
        (DIGITS, np.zeros((30, 9, 8), np.uint8), "expected an array of shape (n, 8, 8, 1), got (30, 9, 8, 1)"),
        (DIGITS, np.zeros((30, 8, 8)), "expected pixels of type uint8, got float64"),
        (TUMOURS, np.full((30, 1), "a"), "expected an array of numbers with a batch axis"),
    ],
)
def test_what_does_not_fit_is_refused_and_writes_nothing(store, tmp_path, name, items, message):
    np.save(tmp_path / "own.npy", items)
    versions = store.versions(name)
    with pytest.raises(RequestInvalid) as refused:
        recalibrate(store, name, tmp_path / "own.npy", "own")
    assert message in str(refused.value)
    assert store.versions(name) == versions


def test_missing_and_infinite_values_of_a_table_are_named(store, tmp_path, tumours):
    rows = tumours.x[:30].astype(np.float64)
    rows[7, 1] = 1e300
    np.save(tmp_path / "own.npy", rows)
    with pytest.raises(RequestInvalid, match=f"item 7, column '{tumours.columns[1]}'"):
        recalibrate(store, TUMOURS, tmp_path / "own.npy", "own")


@pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY"])
def test_a_file_that_is_no_array_is_refused(store, tmp_path, content):
    (tmp_path / "own.npy").write_bytes(content)
    with pytest.raises(RequestInvalid, match="expected a plain array in npy or npz format"):
        recalibrate(store, DIGITS, tmp_path / "own.npy", "own")


def test_the_new_version_serves(store, tmp_path, post):
    np.save(tmp_path / "own.npy", bundled.digits().x[:40])
    written = recalibrate(store, DIGITS, tmp_path / "own.npy", "own")
    answer = post(store.root, "/score", json={"model": DIGITS, "inputs": [{"array": [[0] * 8] * 8}]}).json()
    assert (answer["version"], answer["calibration"]["n"]) == (written.manifest.version, 40)


def labelled_digits(count):
    data = bundled.digits()
    return data.x[:count], np.array(data.label_names)[data.labels[:count]]


def test_digits_with_labels_are_calibrated_per_digit(store, tmp_path, post):
    x, labels = labelled_digits(400)
    np.savez(tmp_path / "own.npz", x=x, digit=labels)
    written = recalibrate(store, DIGITS, tmp_path / "own.npz", "own", "digit")
    counts = {label.name: label.n for label in written.manifest.score.calibration.labels}
    assert counts == {str(digit): int((labels == str(digit)).sum()) for digit in range(10)}
    body = {"model": DIGITS, "inputs": [{"array": item[..., 0].tolist()} for item in x]}
    log_prob = np.array([item["log_prob"] for item in post(store.root, "/score", json=body).json()["results"]])
    answer = post(store.root, "/score", json={**body, "label": labels.tolist()}).json()
    for index, item in enumerate(answer["results"]):
        own = log_prob[labels == labels[index]]
        assert item["label"] == labels[index]
        assert item["statistics"]["log_prob"]["p_value"] == (1 + (own <= log_prob[index]).sum()) / (len(own) + 1)


def test_labels_come_from_sub_folders_captions_and_columns_alike(store, tmp_path, tumours):
    x, labels = labelled_digits(40)
    np.savez(tmp_path / "own.npz", x=x, digit=labels)
    (tmp_path / "captioned").mkdir()
    lines = ["file,digit"]
    for index, (item, label) in enumerate(zip(x, labels, strict=True)):
        (tmp_path / "images" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(item[..., 0]).save(tmp_path / "images" / label / f"{index:03}.png")
        Image.fromarray(item[..., 0]).save(tmp_path / "captioned" / f"{index:03}.png")
        lines.append(f"{index:03}.png,{label}")
    (tmp_path / "captioned" / "captions.csv").write_text("\n".join(lines))
    sources = [("own.npz", "digit"), ("images", None), ("captioned", "digit")]
    found = [recalibrate(store, shipped(DIGITS), tmp_path / name, "own", column) for name, column in sources]
    for other in found[1:]:
        assert other.manifest.score.calibration == found[0].manifest.score.calibration
        for name, values in arrays(other).items():
            np.testing.assert_array_equal(values, arrays(found[0])[name])
    frame = pd.DataFrame(tumours.x, columns=list(tumours.columns))
    frame.assign(kind=np.array(tumours.label_names)[tumours.labels]).to_csv(tmp_path / "own.csv", index=False)
    written = recalibrate(store, TUMOURS, tmp_path / "own.csv", "tumours", "kind")
    assert [(item.name, item.n) for item in written.manifest.score.calibration.labels] == [
        ("benign", 357),
        ("malignant", 212),
    ]


def test_the_same_items_with_labels_keep_what_was_measured(store, tmp_path):
    x, labels = labelled_digits(60)
    np.savez(tmp_path / "own.npz", x=x, digit=labels)
    first = recalibrate(store, DIGITS, tmp_path / "own.npz", "own")
    second = recalibrate(store, DIGITS, tmp_path / "own.npz", "own", "digit")
    assert (first.manifest.score.calibration.labels, len(second.manifest.score.calibration.labels)) == ((), 10)
    stories = [found.read_bytes("CARD.md").decode().rpartition("## Recalibrated")[2] for found in (first, second)]
    assert ["These are the items it was calibrated on before" in story for story in stories] == [False, True]


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        ("own.npy", "digit", "has no place for labels 'digit'"),
        ("own.npz", "size", "no array 'size'; there is: "),
        ("own.npz", "few", "expected 'few' of shape (30,), got (29,)"),
        ("other.npz", "digit", "no array 'x'"),
    ],
)
def test_labels_that_are_not_there_are_named(store, tmp_path, name, labels, message):
    x, digits = labelled_digits(30)
    np.save(tmp_path / "own.npy", x)
    np.savez(tmp_path / "own.npz", x=x, digit=digits, few=digits[:29])
    np.savez(tmp_path / "other.npz", y=x, digit=digits)
    with pytest.raises(RequestInvalid) as refused:
        recalibrate(store, DIGITS, tmp_path / name, "own", labels)
    assert message in str(refused.value)


def test_one_label_alone_tells_nothing_apart(store, tmp_path):
    x, _ = labelled_digits(30)
    np.savez(tmp_path / "own.npz", x=x, digit=np.full(30, "3"))
    written = recalibrate(store, DIGITS, tmp_path / "own.npz", "own", "digit")
    assert written.manifest.score.calibration.labels == ()
    assert not [name for name in arrays(written) if name.endswith(".label")]


def test_what_is_not_read_of_a_table_is_said_and_a_shifted_one_is_refused(store, tmp_path):
    tumours = bundled.breast_cancer(tuple(column.name for column in latest(store, TUMOURS).manifest.input.columns))
    frame = pd.DataFrame(tumours.x, columns=[f" {name} " for name in tumours.columns]).assign(
        **{"id ": [f"p{i}" for i in range(len(tumours.x))], "kind": np.array(tumours.label_names)[tumours.labels]}
    )
    content, empty = frame.to_csv(), "," * (len(frame.columns)) + "\n"
    (tmp_path / "own.csv").write_text(content + 3 * empty, encoding="utf-16")
    arguments = ["calibrate", TUMOURS, str(tmp_path / "own.csv"), "--store", str(store.root), "--labels", " kind"]
    result = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert "not read, since the model has no such columns: 'id', 'kind'" in result.output
    assert "not read, since they have no name: columns number 1\n" in result.output
    assert "not read, since they are empty: 3 rows\n" in result.output
    assert "names read without space around them, in composed letters: " in result.output
    written = latest(store, TUMOURS).manifest.score.calibration
    assert (written.n, [label.name for label in written.labels]) == (569, ["benign", "malignant"])
    head, first, rest = frame.to_csv(index=False).split("\n", 2)
    (tmp_path / "own.csv").write_text(f"{head}\n{first},\n{rest}")
    with pytest.raises(
        RequestInvalid, match=r"row 0: expected (\d+) values, got \d+ in line 2; is there a comma too many"
    ):
        recalibrate(store, TUMOURS, tmp_path / "own.csv", "tumours")
