"""Arrays as programs write them: read as what they are, or refused in one line with array, shape and cure."""

import numpy as np
import pytest

from pofx import bundle
from pofx.errors import PofxError
from pofx.kinds import files
from training.data import npz
from training.errors import DataError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)).astype(np.float32), RNG.integers(0, 3, 60)
PICTURES = RNG.integers(0, 256, (6, 4, 5, 1), np.uint8)
ROW = bundle.RowSpec(
    columns=tuple(bundle.Column(name=f"x{place}", minimum=0, maximum=1) for place in range(3)), missing="marginalised"
)


def written(folder, **arrays):
    np.savez(folder / "t.npz", **arrays)
    return folder / "t.npz"


@pytest.mark.parametrize(
    "x",
    [X, X.astype(np.float64), (X * 100).astype(np.int64), X > 0, np.where(X > 2, np.nan, X), (X > 0).astype(np.uint8)],
)
def test_rows_of_any_type_of_numbers_are_the_same_for_all(x, tmp_path):
    path = written(tmp_path, x=x)
    np.testing.assert_array_equal(npz.load(path, "x", None).x, files.read(path, ROW).array)


@pytest.mark.parametrize("x", [PICTURES, PICTURES[..., 0], np.repeat(PICTURES, 3, 3)])
def test_pictures_are_the_same_for_all(x, tmp_path):
    path = written(tmp_path, x=x)
    spec = bundle.ImageSpec(height=4, width=5, channels=3 if x.shape[-1] == 3 else 1)
    np.testing.assert_array_equal(npz.load(path, "x", None).x, files.read(path, spec).array)


ARRAYS = [
    (X + 1j, r"got complex64 of shape \(60, 3\); .*np\.hstack\(\[x\.real, x\.imag\]\)"),
    (np.full((60, 3), np.datetime64("2026-11-01")), r"got datetime64\[D\] of shape \(60, 3\); give times as numbers"),
    (np.array([["a", "b", "c"]] * 60), r"got <U1 of shape \(60, 3\); use x\.astype\(float\) if they are numbers"),
    (X[:, 0], r"got float32 of shape \(60,\); use x\[:, None\]"),
]
IMAGES = [
    (RNG.random((6, 4, 5)), r"got float64 of shape \(6, 4, 5\); use \(255 \* x\)\.round\(\)\.astype\('uint8'\)"),
    (PICTURES.astype(float), r"use x\.round\(\)\.astype\('uint8'\)"),
    (PICTURES.astype(np.int64), r"use x\.astype\('uint8'\)"),
    (PICTURES > 99, r"got bool of shape \(6, 4, 5, 1\); use x\.astype\('uint8'\) \* 255"),
    (PICTURES * 300.0, "scale them to 0 to 255"),
    (PICTURES.transpose(0, 3, 1, 2), r"got shape \(6, 1, 4, 5\); channels come last: use x\.transpose\(0, 2, 3, 1\)"),
    (np.repeat(PICTURES, 4, 3), r"got shape \(6, 4, 5, 4\); leave the transparency out: use x\[\.\.\., :3\]"),
]


@pytest.mark.parametrize(("x", "words"), ARRAYS)
def test_what_is_no_row_of_numbers_is_refused_by_all(x, words, tmp_path):
    path = written(tmp_path, x=x)
    with pytest.raises(DataError, match=f"t.npz: array 'x': .*{words}"):
        npz.load(path, "x", None)
    with pytest.raises(PofxError, match=r"t\.npz: expected an array of"):
        files.read(path, ROW)


@pytest.mark.parametrize(("x", "words"), IMAGES)
def test_pictures_in_another_form_are_refused_with_the_way_to_convert_them(x, words, tmp_path):
    with pytest.raises(DataError, match=f"t.npz: array 'x': expected images .*{words}"):
        npz.load(written(tmp_path, x=x), "x", None)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.eye(3)[Y], r"got \(60, 3\); one-hot\? use y\.argmax\(1\)"),
        (Y[:, None], r"got \(60, 1\); use y\[:, 0\]"),
        (np.r_[Y, Y], r"got \(120,\); there are 120 labels for 60 items"),
        (Y[:40], r"got \(40,\); there are 40 labels for 60 items"),
        (np.int64(3), r"got \(\); give one label for each item"),
        (np.where(Y == 0, np.nan, Y), r"\d+ of 60 items have no label, the first is item \d+"),
        (np.where(Y == 0, " ", "a"), r"\d+ of 60 items have no label"),
        (Y * 1j, "expected names or whole numbers, got complex128"),
    ],
)
def test_labels_that_are_not_one_for_each_item_are_refused_with_the_cure(labels, words, tmp_path):
    with pytest.raises(DataError, match=f"t.npz: labels 'y': .*{words}"):
        npz.load(written(tmp_path, x=X, y=labels), "x", "y")


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array([b"a", "é".encode()] * 30), ("a", "é")),
        (np.array(["e\u0301 ", "b"] * 30), ("b", "é")),
        (np.array([1.0, 2.0] * 30), ("1", "2")),
        (np.array([2, 10] * 30), ("2", "10")),
    ],
)
def test_labels_have_the_names_that_people_gave_them(labels, names, tmp_path):
    dataset = npz.load(written(tmp_path, x=X, y=labels), "x", "y")
    assert dataset.label_names == names
    assert len(set(dataset.labels[::2])) == len(set(dataset.labels[1::2])) == 1


def test_files_that_are_no_archives_are_said_to_be_none(tmp_path):
    np.save(tmp_path / "a.npy", X)
    (tmp_path / "empty.npz").write_bytes(b"")
    with pytest.raises(DataError, match=r"a single array \(\.npy\) of shape \(60, 3\); write it with np\.savez"):
        npz.load(tmp_path / "a.npy", "x", None)
    with pytest.raises(DataError, match="the file is empty or cut off"):
        npz.load(tmp_path / "empty.npz", "x", None)
    with pytest.raises(DataError, match=r"is a folder; expected an \.npz file"):
        npz.load(tmp_path, "x", None)
    with pytest.raises(PofxError, match=r"empty\.npz: expected a plain array in npy or npz format"):
        files.read(tmp_path / "empty.npz", ROW)


def test_identifiers_that_float32_cannot_tell_apart_are_refused(tmp_path):
    path = written(tmp_path, x=np.stack([2**40 + np.arange(60), np.arange(60)], 1))
    with pytest.raises(DataError, match="array 'x': column 'x0': 60 different values become 1 in float32"):
        npz.load(path, "x", None)
