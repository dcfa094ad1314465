"""Sources give what they should or say what is wrong; splits are disjoint, complete and reproducible."""

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pofx.rules.texts import texts_of
from training.data import bundled, fingerprint, images, mnist, npz, table, text
from training.data.dataset import Dataset
from training.data.splits import SplitOptions, sliver, split
from training.errors import DataError


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">2xBB{array.ndim}I", 8, array.ndim, *array.shape) + array.tobytes()


def _write_mnist(folder: Path, compress: bool) -> np.ndarray:
    random = np.random.default_rng(0)
    train = random.integers(0, 256, (20, 28, 28), dtype=np.uint8)
    parts = {
        "train-images-idx3-ubyte": train,
        "train-labels-idx1-ubyte": np.arange(20, dtype=np.uint8) % 10,
        "t10k-images-idx3-ubyte": train[:5],
        "t10k-labels-idx1-ubyte": np.arange(5, dtype=np.uint8),
    }
    for name, array in parts.items():
        data = _idx(array)
        (folder / (name + ".gz" if compress else name)).write_bytes(gzip.compress(data) if compress else data)
    return train


@pytest.mark.parametrize("compress", [True, False])
def test_mnist_is_read_from_idx_files(tmp_path, compress):
    train = _write_mnist(tmp_path, compress)
    dataset = mnist.load(tmp_path)
    np.testing.assert_array_equal(dataset.x[..., 0], train)
    assert dataset.labels.tolist() == [index % 10 for index in range(20)]
    assert len(dataset.test.x) == 5


def test_missing_mnist_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match="python -m training data mnist"):
        mnist.load(tmp_path)


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: b"\1" + d[1:], lambda d: d[:3]])
def test_a_damaged_idx_file_is_refused(tmp_path, damage):
    path = tmp_path / "x"
    path.write_bytes(damage(_idx(np.zeros((2, 3), np.uint8))))
    with pytest.raises(DataError, match=str(path)):
        mnist.read_idx(path)
    (tmp_path / "y.gz").write_bytes(gzip.compress(_idx(np.zeros(4, np.uint8)))[:-6])
    with pytest.raises(DataError, match="damaged gzip"):
        mnist.read_idx(tmp_path / "y.gz")


def test_a_download_that_is_not_mnist_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist.urllib.request, "urlopen", lambda *_, **__: io.BytesIO(gzip.compress(b"not mnist")))
    with pytest.raises(DataError, match="SHA-256 differs"):
        mnist.download(tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def _png(colour: tuple[int, int, int], side: int = 4) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_images_from_a_folder_have_the_sub_folders_as_labels(tmp_path):
    for label, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        (tmp_path / label).mkdir()
        for index in range(2):
            (tmp_path / label / f"{index}.png").write_bytes(_png(colour))
    (tmp_path / "notes.txt").write_text("not an image")
    dataset = images.load(tmp_path, "rgb", None, None)
    assert dataset.x.shape == (4, 4, 4, 3)
    assert [dataset.label_names[index] for index in dataset.labels] == ["blue", "blue", "red", "red"]
    assert dataset.names.tolist() == ["blue/0.png", "blue/1.png", "red/0.png", "red/1.png"]
    assert dataset.captions is None
    assert dataset.x[0, 0, 0].tolist() == [0, 0, 255]
    assert images.load(tmp_path, "grey", 2, None).x.shape == (4, 2, 2, 1)
    assert images.load(tmp_path, "auto", None, None).x.shape == (4, 4, 4, 3)
    for path in tmp_path.rglob("*.png"):
        path.write_bytes(_png((7, 7, 7)))
    assert images.load(tmp_path, "auto", None, None).x.shape == (4, 4, 4, 1)


def test_images_from_a_zip_have_labels_from_captions(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", _png((1, 2, 3)))
        archive.writestr("b.png", _png((4, 5, 6)))
        archive.writestr("captions.csv", "file,category,caption\nb.png,second,two\na.png,first,one\n")
    dataset = images.load(path, "rgb", None, "category")
    assert [dataset.label_names[index] for index in dataset.labels] == ["first", "second"]
    assert dataset.names.tolist() == ["a.png", "b.png"]
    assert dataset.captions.tolist() == ["one", "two"]
    with pytest.raises(DataError, match="'colour'"):
        images.load(path, "rgb", None, "colour")


def test_images_of_different_sizes_ask_for_a_size(tmp_path):
    (tmp_path / "a.png").write_bytes(_png((0, 0, 0), 4))
    (tmp_path / "b.png").write_bytes(_png((0, 0, 0), 5))
    with pytest.raises(DataError, match="set `size`"):
        images.load(tmp_path, "rgb", None, None)
    (tmp_path / "b.png").write_bytes(_png((0, 0, 0), 4)[:40])
    with pytest.raises(DataError, match=r"b\.png: not a readable image"):
        images.load(tmp_path, "rgb", None, None)
    with pytest.raises(DataError, match="no image files"):
        images.load(_empty(tmp_path), "rgb", None, None)


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_keep_numeric_columns_and_take_labels_apart(tmp_path, suffix):
    frame = pd.DataFrame({"a": [1.5, 2.5], "name": ["x", "y"], "b": [3, 4], "kind": ["good", "bad"]})
    path = tmp_path / f"t.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    dataset = table.load(path, (), "kind")
    assert dataset.columns == ("a", "b")
    assert dataset.x.tolist() == [[1.5, 3.0], [2.5, 4.0]]
    assert [dataset.label_names[index] for index in dataset.labels] == ["good", "bad"]
    assert table.load(path, ("b",), None).columns == ("b",)
    with pytest.raises(DataError, match="no column 'c'; there is: 'a', 'name', 'b', 'kind'"):
        table.load(path, ("c",), None)


def test_a_column_with_too_many_different_texts_is_refused_where_it_is_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3,red\n")
    with pytest.raises(DataError, match=r"column 'b': .* got 2 different texts in 2 rows, 'red' for one; leave it out"):
        table.load(path, ("a", "b"), None)


def test_a_column_of_several_types_is_refused(tmp_path):
    pd.DataFrame({"a": [1, 2], "when": pd.to_datetime(["2026-01-01", "2026-01-02"]).date}).to_parquet(
        tmp_path / "t.parquet"
    )
    with pytest.raises(DataError, match=r"column 'when' is not numeric: .* in row 0; leave it out"):
        table.load(tmp_path / "t.parquet", ("a", "when"), None)


def test_npz_archives(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, x=np.ones((3, 2)), y=np.array(["u", "v", "u"]))
    dataset = npz.load(path, "x", "y")
    assert dataset.x.dtype == np.float32
    assert dataset.label_names == ("u", "v")
    assert dataset.labels.tolist() == [0, 1, 0]
    with pytest.raises(DataError, match="no array 'z'; there is: 'x', 'y'"):
        npz.load(path, "z", None)
    (tmp_path / "pickled.npz").write_bytes(b"not an archive")
    with pytest.raises(DataError, match="not a NumPy archive"):
        npz.load(tmp_path / "pickled.npz", "x", None)


def test_pickled_objects_are_never_loaded(tmp_path):
    np.savez(tmp_path / "p.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="not a NumPy archive of plain arrays"):
        npz.load(tmp_path / "p.npz", "x", None)


def test_a_text_is_read_line_by_line_and_decoded_again(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes("\ufeffab\r\n\nb\ncä b\n".encode())
    dataset = text.load(path, None, cut=False)
    assert dataset.kind == "text"
    assert dataset.alphabet == " abcä"
    assert dataset.x.tolist() == [[2, 3, 0, 0], [3, 0, 0, 0], [4, 5, 1, 3]]
    assert texts_of(dataset.x, dataset.alphabet) == ["ab", "b", "cä b"]
    assert text.load(path, 6, cut=False).x.shape == (3, 6)


def test_a_line_that_is_too_long_is_refused_by_number_or_cut(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("ab\n\nabcd\n")
    with pytest.raises(DataError, match="line 3: 4 characters, and `length` is 3"):
        text.load(path, 3, cut=False)
    cut = text.load(path, 3, cut=True)
    assert texts_of(cut.x, cut.alphabet) == ["ab", "abc"]


def test_a_text_that_cannot_be_coded_is_refused(tmp_path):
    path = tmp_path / "t.txt"
    with pytest.raises(DataError, match="No such file"):
        text.load(path, None, cut=False)
    path.write_bytes(b"ab\xff")
    with pytest.raises(DataError, match="not UTF-8 at byte 2"):
        text.load(path, None, cut=False)
    path.write_text("".join(map(chr, range(0x4E00, 0x4F00))))
    with pytest.raises(DataError, match="256 different characters; at most 255"):
        text.load(path, None, cut=False)
    path.write_text("\n\n")
    with pytest.raises(DataError, match="no items"):
        text.load(path, None, cut=False)


def test_names_of_colours_are_at_hand():
    dataset = bundled.colour_names()
    names = texts_of(dataset.x, dataset.alphabet)
    assert len(names) == len(set(names)) == 949
    assert {"teal", "baby poop green"} <= set(names)
    assert dataset.x.shape[1] == max(map(len, names)) == 26


def _numbered(count: int) -> Dataset:
    x = np.arange(count, dtype=np.float32)[:, None]
    return Dataset(x, "numbers", "none", (np.arange(count) % 4 == 0).astype(np.int64), ("common", "rare"), ("x",))


def test_splits_are_disjoint_complete_and_reproducible():
    splits = split(_numbered(200), SplitOptions(), seed=1)
    parts = [splits.fit, splits.validation, splits.calibration, splits.test]
    assert sorted(np.concatenate([part.x[:, 0] for part in parts])) == list(range(200))
    assert splits.sizes() == {"fit": 100, "validation": 20, "calibration": 40, "test": 40, "anomalies": 0}
    again = split(_numbered(200), SplitOptions(), seed=1)
    numbered = _numbered(200)
    assert fingerprint(numbered, again) == fingerprint(numbered, splits)
    assert fingerprint(numbered, split(numbered, SplitOptions(), seed=2)) != fingerprint(numbered, splits)


def test_only_normal_items_are_split_the_others_are_anomalies():
    splits = split(_numbered(200), SplitOptions(), seed=1, normal=("common",))
    assert len(splits.anomalies) == 50
    assert set(splits.anomalies.labels) == {1}
    assert all(set(part.labels) == {0} for part in (splits.fit, splits.validation, splits.calibration, splits.test))


def test_an_official_test_set_stays_the_test_set():
    dataset = Dataset(
        np.zeros((100, 1), np.float32), "a", "none", test=Dataset(np.ones((9, 1), np.float32), "b", "none")
    )
    splits = split(dataset, SplitOptions(), seed=0)
    assert splits.test.x.tolist() == [[1.0]] * 9
    assert splits.sizes() == {"fit": 50, "validation": 10, "calibration": 20, "held_out": 20, "test": 9, "anomalies": 0}
    assert not splits.held_out.x.any()


def test_a_sliver_is_small_in_every_split():
    assert max(sliver(split(bundled.digits(), SplitOptions(), seed=0), 50, 10).sizes().values()) == 50


@pytest.mark.parametrize(
    "x", [np.zeros((0, 2), np.float32), np.zeros((3, 2)), np.zeros((3, 4, 4, 2), np.uint8), np.zeros((2, 4, 4, 1))]
)
def test_what_no_family_could_use_is_refused(x):
    with pytest.raises(DataError, match="bad"):
        Dataset(x, "bad", "none")


def test_rows_of_a_table_without_a_label_are_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,kind\n1,x\n2,\n3,y\n")
    with pytest.raises(DataError, match="1 rows have no label in column 'kind', the first is row 1"):
        table.load(path, (), "kind")


def test_a_table_with_other_separators_is_refused_in_words(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a;b\n1;2\n")
    with pytest.raises(DataError, match=r"expected columns separated by commas, got one column 'a;b'"):
        table.load(path, (), None)
