"""A file of one's own: its blocks make up the whole, of whatever form, and errors name the file and the item."""

import io
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pofx import bundle
from pofx.errors import MediaUnsupported, PofxError, RequestInvalid
from pofx.kinds import files, objects
from pofx.kinds.audio import encode_wav
from pofx.kinds.csv_text import encode_csv
from pofx.kinds.image import encode_png
from pofx.rules.texts import texts_of

NAMES = ("alcohol", "ash", "town")
ROW = bundle.RowSpec(
    columns=(
        bundle.Column(name="alcohol", minimum=0, maximum=1),
        bundle.Column(name="ash", minimum=0, maximum=1),
        bundle.Column(name="town", minimum=0, maximum=1, categories=("Rome", "Oslo")),
    ),
    missing="marginalised",
)
IMAGE = bundle.ImageSpec(height=3, width=2, channels=1)
AUDIO = bundle.AudioSpec(rate_hz=100, length=6)
TEXT = bundle.TextSpec(alphabet="abn", length=6)
N = 11

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.standard_normal((N, 2))
NUMBERS[4, 1] = np.nan
TOWNS = RANDOM.integers(0, 2, N)
ROWS = np.column_stack([NUMBERS, TOWNS]).astype(np.float32)
IMAGES = RANDOM.integers(0, 256, (N, 3, 2, 1)).astype(np.uint8)
RECORDINGS = RANDOM.integers(-9, 9, (N, 6)).astype(np.int16)
CODES = np.array([[1, 3, 0, 0, 0, 0]] * 5 + [[2, 1, 3, 1, 3, 1]] * 5 + [[0] * 6], np.uint8)


def columns():
    names = [ROW.columns[2].categories[town] for town in TOWNS]
    return {"id": [f"w{i}" for i in range(N)], "town": names, "ash": NUMBERS[:, 1], "alcohol": NUMBERS[:, 0]}


def csv_file(folder):
    (folder / "t.csv").write_bytes(encode_csv(columns()))
    return folder / "t.csv"


def parquet_file(folder):
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in columns().items()})
    pq.write_table(table, folder / "t.parquet", row_group_size=4)
    return folder / "t.parquet"


def npy_file(array):
    def write(folder):
        np.save(folder / "t.npy", array)
        return folder / "t.npy"

    return write


def npz_file(array):
    def write(folder):
        np.savez(folder / "t.npz", x=array, y=np.zeros(3))
        return folder / "t.npz"

    return write


def lines_file(folder):
    (folder / "t.txt").write_bytes("\r\n".join(texts_of(CODES, TEXT.alphabet)).encode() + b"\r\n")
    return folder / "t.txt"


def contents(kind):
    encoded = [encode_png(image) for image in IMAGES] if kind == "image" else [encode_wav(r, 100) for r in RECORDINGS]
    suffix = "png" if kind == "image" else "WAV"
    return {f"{'ab'[i > 6]}/{i:02}.{suffix}": content for i, content in enumerate(encoded)} | {"notes.md": b"none"}


def folder_of(kind):
    def write(folder):
        for name, content in contents(kind).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    return write


def zip_of(kind):
    def write(folder):
        with zipfile.ZipFile(folder / "t.zip", "w") as archive:
            for name, content in reversed(contents(kind).items()):
                archive.writestr(name, content)
        return folder / "t.zip"

    return write


CASES = {
    "csv": (ROW, csv_file, ROWS, None),
    "parquet": (ROW, parquet_file, ROWS, N),
    "rows.npy": (ROW, npy_file(ROWS.astype(float)), ROWS, N),
    "rows.npz": (ROW, npz_file(ROWS), ROWS, None),
    "images": (IMAGE, folder_of("image"), IMAGES, N),
    "images.zip": (IMAGE, zip_of("image"), IMAGES, N),
    "images.npy": (IMAGE, npy_file(IMAGES[..., 0]), IMAGES, N),
    "recordings": (AUDIO, folder_of("audio"), RECORDINGS, N),
    "recordings.zip": (AUDIO, zip_of("audio"), RECORDINGS, N),
    "recordings.npz": (AUDIO, npz_file(RECORDINGS), RECORDINGS, None),
    "lines": (TEXT, lines_file, CODES, None),
    "codes.npy": (TEXT, npy_file(CODES), CODES, N),
}


@pytest.mark.parametrize("rows", [1, 4, N, 1000])
@pytest.mark.parametrize("case", CASES)
def test_blocks_make_up_the_whole(case, rows, tmp_path):
    spec, write, expected, known = CASES[case]
    path = write(tmp_path)
    blocks = list(files.blocks(path, spec, rows=rows))
    assert [block.first for block in blocks] == list(range(0, N, rows))
    assert np.array_equal(np.concatenate([block.decoded.array for block in blocks]), expected, equal_nan=True)
    assert files.count(path, spec) == known
    whole = files.read(path, spec, extra="keep")
    assert np.array_equal(whole.array, expected, equal_nan=True)
    assert np.array_equal(
        objects.decoded(str(path) if spec.kind != "text" else path, spec, "keep").array, whole.array, equal_nan=True
    )
    assert whole.array.dtype == bundle.DATA_DTYPES[spec.kind]


@pytest.mark.parametrize("case", ["images", "images.zip", "recordings", "recordings.zip"])
def test_files_have_names(case, tmp_path):
    spec, write, _, _ = CASES[case]
    blocks = list(files.blocks(write(tmp_path), spec, rows=4))
    names = [name for block in blocks for name in block.decoded.files]
    assert len(names) == N
    assert names[:1] + names[7:8] == (["a/00.png", "b/07.png"] if spec.kind == "image" else ["a/00.WAV", "b/07.WAV"])


@pytest.mark.parametrize("write", [csv_file, parquet_file])
def test_a_block_of_a_table_keeps_its_own_columns(write, tmp_path):
    blocks = list(files.blocks(write(tmp_path), ROW, rows=4))
    cells = [block.decoded.columns.cells() for block in blocks]
    assert [name for part in cells for name in part["id"]] == [f"w{i}" for i in range(N)]
    assert list(cells[0]) == ["id", "town", "ash", "alcohol"]
    assert blocks[1].decoded.notes == ("not read, since the model has no such columns: 'id'",)
    with pytest.raises(RequestInvalid, match=r"t\.(csv|parquet): (header: )?columns unknown 'id'"):
        files.read(write(tmp_path), ROW)


def test_single_files_are_items(tmp_path):
    (tmp_path / "a.png").write_bytes(encode_png(IMAGES[0]))
    (tmp_path / "b.png").write_bytes(encode_png(IMAGES[1]))
    (block,) = files.blocks(tmp_path / "a.png", IMAGE)
    assert (block.decoded.files, files.count(tmp_path / "a.png", IMAGE)) == (("a.png",), 1)
    both = objects.decoded([tmp_path / "a.png", str(tmp_path / "b.png")], IMAGE)
    assert np.array_equal(both.array, IMAGES[:2])


def test_a_tiff_file_of_ones_own_is_read(tmp_path):
    Image.fromarray(IMAGES[0][..., 0]).save(tmp_path / "a.tiff")
    assert np.array_equal(files.read(tmp_path / "a.tiff", IMAGE).array, IMAGES[:1])
    Image.fromarray(np.zeros((3, 2), np.uint16)).save(tmp_path / "a.tiff")
    with pytest.raises(RequestInvalid, match=r"a\.tiff: a\.tiff: expected 8 bits per channel"):
        files.read(tmp_path / "a.tiff", IMAGE)


def damaged_csv(folder):
    (folder / "t.csv").write_text("alcohol,ash,town\n" + "1,2,Rome\n" * 6 + "1,x,Rome\n")
    return folder / "t.csv"


def short_csv(folder):
    (folder / "t.csv").write_text("alcohol,ash,town\n" + "1,2,Rome\n" * 6 + "1,2\n")
    return folder / "t.csv"


def unknown_town(folder):
    (folder / "t.csv").write_text("alcohol,ash,town\n" + "1,2,Rome\n" * 6 + "1,2,Rom\n")
    return folder / "t.csv"


def infinite(folder):
    pq.write_table(
        pa.table({"alcohol": [1.0] * 6 + [1e39], "ash": [1] * 7, "town": ["Oslo"] * 7}), folder / "t.parquet"
    )
    return folder / "t.parquet"


def no_code(folder):
    np.save(folder / "t.npy", np.array([[1, 2, 0]] * 6 + [[1, 2, 5]]))
    return folder / "t.npy"


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (damaged_csv, r"t\.csv: row 6, column 'ash': expected a number, got 'x'"),
        (short_csv, r"t\.csv: row 6: expected 3 values, got 2"),
        (unknown_town, r"t\.csv: item 6, column 'town': no category 'Rom', did you mean 'Rome'"),
        (infinite, r"t\.parquet: item 6, column 'alcohol': expected a finite number .* got 1e\+39"),
        (no_code, r"t\.npy: item 6, column 'town': expected the code of a category"),
    ],
)
def test_errors_name_the_file_and_the_item_of_the_whole(write, words, tmp_path):
    path = write(tmp_path)
    with pytest.raises(RequestInvalid, match=words) as refused:
        list(files.blocks(path, ROW, rows=4))
    assert refused.value.extra["index"] == 6


@pytest.mark.parametrize(("write", "spec"), [(damaged_csv, ROW), (infinite, ROW), (no_code, ROW)])
def test_a_block_is_there_before_what_follows_is_read(write, spec, tmp_path):
    blocks = files.blocks(write(tmp_path), spec, rows=3)
    assert [next(blocks).first, next(blocks).first] == [0, 3]
    with pytest.raises(RequestInvalid):
        next(blocks)


def test_large_items_come_in_small_blocks(tmp_path):
    np.save(tmp_path / "t.npy", np.lib.stride_tricks.as_strided(np.uint8(0), (20, 3000, 3000, 1), (0, 0, 0, 0)))
    spec = bundle.ImageSpec(height=3000, width=3000, channels=1)
    assert [len(block.decoded.array) for block in files.blocks(tmp_path / "t.npy", spec)] == [7, 7, 6]


def test_a_file_within_a_folder_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(encode_png(IMAGES[0]))
    (tmp_path / "b.png").write_bytes(encode_png(IMAGES[1][:2]))
    with pytest.raises(RequestInvalid, match=r"b\.png: expected an image of 2x3 pixels, got 2x2; resize it"):
        files.read(tmp_path, IMAGE)


@pytest.mark.parametrize("spec", [ROW, IMAGE, AUDIO, TEXT])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b""),
        ("t.csv", b"alcohol,ash,town\n"),
        ("t.parquet", b"PAR1"),
        ("t.npy", b"\x93NUMPY"),
        ("t.npz", b"PK"),
        ("t.txt", b""),
        ("t.txt", b"a\nb\xff"),
        ("t.zip", b"PK"),
        ("t.png", b"no picture"),
        ("t.wav", b"RIFF"),
        ("t.unknown", b"1,2"),
    ],
)
def test_no_file_raises_anything_but_our_errors(spec, name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PofxError, match=name):
        files.read(tmp_path / name, spec)
    with pytest.raises(PofxError, match=name):
        list(files.blocks(tmp_path / name, spec))


def test_what_is_not_there_and_what_another_model_takes_is_said(tmp_path):
    with pytest.raises(RequestInvalid, match="no such file or folder"):
        files.count(tmp_path / "t.csv", ROW)
    with pytest.raises(MediaUnsupported, match=r"this model takes images; expected an image file, a folder or a zip"):
        files.read(tmp_path, IMAGE)
    (tmp_path / "t.xlsx").write_bytes(b"")
    with pytest.raises(MediaUnsupported, match=r"takes rows of a table; expected \.csv or \.parquet"):
        files.read(tmp_path / "t.xlsx", ROW)


def test_pickled_objects_are_never_loaded(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object))
    (tmp_path / "p.npy").write_bytes(buffer.getvalue())
    with pytest.raises(RequestInvalid, match="expected a plain array"):
        files.read(tmp_path / "p.npy", ROW)
