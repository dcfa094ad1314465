"""Which files of a folder are items, and what their labels are: the same in training, in the library and in a zip."""

import struct
import unicodedata
import wave
import zipfile
import zlib

import numpy as np
import pytest

from pofx import bundle
from pofx.errors import PofxError
from pofx.kinds import files
from pofx.use.file_labels import file_labels
from training.data import audio, images
from training.errors import DataError

SIDE = 4
IMAGE = bundle.ImageSpec(height=SIDE, width=SIDE, channels=1)
AUDIO = bundle.AudioSpec(rate_hz=800, length=5)
APPLE = b"\0\5\x16\7" + bytes(60)  # AppleDouble: what macOS writes beside a file on other file systems


def png(value):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pixels = zlib.compress((b"\0" + bytes([value] * SIDE)) * SIDE)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def as_folder(folder, contents):
    for name, content in contents.items():
        (folder / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "set" / name).write_bytes(content)
    return folder / "set"


def as_zip(folder, contents):
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return folder / "set.zip"


FORMS = pytest.mark.parametrize("form", [as_folder, as_zip])


def pictures(*names):
    return {name: png(10 * index) for index, name in enumerate(names)}


def in_training(path, column):
    dataset = images.load(path, "auto", None, column)
    return dict(zip(dataset.names.tolist(), np.array(dataset.label_names)[dataset.labels].tolist(), strict=True))


def in_the_library(path, column):
    labels = file_labels(path, IMAGE, column)
    return {
        name: label
        for block in files.blocks(path, IMAGE, rows=3)
        for name, label in zip(block.decoded.files, labels.of(block), strict=True)
    }


READERS = pytest.mark.parametrize("labels", [in_training, in_the_library])


# --- captions.csv ---------------------------------------------------------------------------------

FOUR = ("a/001.png", "a/002.png", "b/001.png", "b/002.png")
BY_PATH = {name: "good" if name[0] == "a" else "bad" for name in FOUR}
BOTH = ("x1.png", "x2.png")


def nfd(text):
    return unicodedata.normalize("NFD", text)


def captions(*rows):
    return {"captions.csv": "\n".join(("file,category", *rows, "")).encode()}


MATCHED = {
    "paths": (FOUR, captions(*(f"{name},{label}" for name, label in BY_PATH.items())), BY_PATH),
    "backslashes": (
        FOUR,
        captions(*(f"{name},{label}".replace("/", "\\") for name, label in BY_PATH.items())),
        BY_PATH,
    ),
    "from here": (FOUR, captions(*(f"./{name},{label}" for name, label in BY_PATH.items())), BY_PATH),
    "from further up": (FOUR, captions(*(f"data/set/{name},{label}" for name, label in BY_PATH.items())), BY_PATH),
    "bare names, unique": (("a/1.png", "b/2.png"), captions("2.png,u", "1.png,v"), {"a/1.png": "v", "b/2.png": "u"}),
    "a table in every folder": (
        FOUR,
        {
            f"{folder}/captions.csv": f"file,category\n001.png,{label}\n002.png,{label}\n".encode()
            for folder, label in (("a", "good"), ("b", "bad"))
        },
        BY_PATH,
    ),
    "twice the same": (BOTH, captions("x1.png,u", "x1.png,u", "x2.png,v"), {"x1.png": "u", "x2.png": "v"}),
    "names of a Mac": (
        (nfd("가.png"), nfd("é.png")),
        captions("가.png,정상", "é.png,불량"),
        {"가.png": "정상", "é.png": "불량"},
    ),
    "rows of a Mac": (("가.png",), captions(nfd("가.png,정상")), {"가.png": "정상"}),
    "with a mark, CR only": (
        BOTH,
        {"captions.csv": b"\xef\xbb\xbffile,category\rx1.png,u\rx2.png,v\r"},
        {"x1.png": "u", "x2.png": "v"},
    ),
}


@READERS
@FORMS
@pytest.mark.parametrize("case", MATCHED)
def test_a_row_is_about_the_file_whose_path_it_names(labels, form, case, tmp_path):
    names, table, expected = MATCHED[case]
    assert labels(form(tmp_path, {**pictures(*names), **table}), "category") == expected


KOREAN = ("가.png", "나.png"), "file,category\n가.png,정상\n나.png,불량\n"
REFUSED = {
    "two labels": (BOTH, captions("x1.png,good", "x1.png,bad", "x2.png,bad"), "line 3: x1.png has the category 'bad'"),
    "two files of a bare name": (FOUR, captions("001.png,good", "002.png,bad"), "'001.png' could be a/001.png or b/"),
    "no label": (BOTH, captions("x1.png,", "x2.png,bad"), "line 2: expected a category of x1.png, got an empty cell"),
    "no file": (BOTH, captions(",good", "x2.png,bad"), "line 2: expected a category of a file, got an empty cell"),
    "a cell too few": (BOTH, captions("x1.png", "x2.png,bad"), "line 2: expected 2 cells, got 1"),
    "a cell too many": (BOTH, captions("x1.png,u,v", "x2.png,bad"), "line 2: expected 2 cells, got 3"),
    "no row": (("x1.png", "x2.png", "x3.png"), captions("x1.png,u"), "no row for x2.png and 1 others"),
    "other capitals": (BOTH, captions("X1.PNG,u", "x2.png,v"), "no row for x1.png; captions.csv, line 2 has 'X1.PNG'"),
    "another folder": (("a/1.png",), captions("b/1.png,u"), "no row for a/1.png"),
    "no column": (BOTH, {"captions.csv": b"file;category\nx1.png;u\n"}, "separated by commas; there is file;category"),
    "CP949": (KOREAN[0], {"captions.csv": KOREAN[1].encode("cp949")}, "Excel in Korea writes CP949"),
    "UTF-16": (KOREAN[0], {"captions.csv": KOREAN[1].encode("utf-16")}, "expected text in UTF-8, got UTF-16"),
}


@READERS
@FORMS
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_clear_is_refused_in_a_line_that_names_it(labels, form, case, tmp_path):
    names, table, words = REFUSED[case]
    path = form(tmp_path, {**pictures(*names), **table})
    with pytest.raises((DataError, PofxError)) as refused:
        labels(path, "category")
    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_rows_that_are_about_no_file_are_said(tmp_path):
    rows = (*(f"{name},u" for name in BOTH), "gone.png,v", "a/gone.png,v")
    path = as_folder(tmp_path, {**pictures(*BOTH), **captions(*rows)})
    said = "captions.csv: 2 rows are about no file that is there (gone.png, a/gone.png)"
    assert images.load(path, "auto", None, "category").notes == (said,)
    assert file_labels(path, IMAGE, "category").notes == (said,)


def test_captions_that_are_not_clear_cost_no_fit_but_are_said(tmp_path):
    table = {"captions.csv": b"file,caption\nx1.png,one\nx1.png,two\nx2.png,three\n"}
    dataset = images.load(as_folder(tmp_path, {**pictures(*BOTH), **table}), "auto", None, None)
    assert dataset.captions is None
    (note,) = dataset.notes
    assert note.startswith("no captions: captions.csv, line 3: x1.png has the caption 'two' here and 'one' in")


# --- what is an item ------------------------------------------------------------------------------

ITEMS = ("a/0.png", "a/1.png", "b/2.png")
NO_ITEMS = {
    "a/.ipynb_checkpoints/0-checkpoint.png": ".ipynb_checkpoints/",
    ".thumbnails/0.png": ".thumbnails/",
    "@eaDir/a/0.png": "@eaDir/",
    "__MACOSX/a/._0.png": "__MACOSX/",
    "a/._0.png": "._*",
    ".hidden.png": ".*",
    "ground_truth/a/0_mask.png": "ground_truth/",
}


@READERS
@FORMS
@pytest.mark.parametrize("name", NO_ITEMS)
def test_what_is_hidden_a_systems_or_a_mask_is_no_item(labels, form, name, tmp_path):
    path = form(tmp_path, {**pictures(*ITEMS), name: APPLE, "Thumbs.db": b"x"})
    assert labels(path, None) == {"a/0.png": "a", "a/1.png": "a", "b/2.png": "b"}
    said = f"not read, being hidden, a system's, or masks: 1 files (1 by {NO_ITEMS[name]})"
    assert images.load(path, "auto", None, None).notes == (said,)
    assert files.read(path, IMAGE).notes == (said,)
    assert files.count(path, IMAGE) == len(ITEMS)


@FORMS
def test_a_folder_that_is_named_itself_may_be_hidden(form, tmp_path):
    (tmp_path / ".cache").mkdir()
    assert len(files.read(form(tmp_path / ".cache", pictures(*ITEMS)), IMAGE).array) == len(ITEMS)


def wav(folder, value):
    with wave.open(str(folder / "made.wav"), "wb") as file:
        file.setparams((1, 2, 800, 0, "NONE", ""))
        file.writeframes(np.full(5, value, "<i2").tobytes())
    return (folder / "made.wav").read_bytes()


@FORMS
def test_recordings_follow_the_same_rule(form, tmp_path):
    sounds = {f"{folder}/{index}.wav": wav(tmp_path, index) for folder in "ab" for index in range(2)}
    path = form(tmp_path, {**sounds, "a/._0.wav": APPLE, "@eaDir/a/0.wav": APPLE})
    dataset = audio.load(path, 5, None, "folder", None)
    assert dataset.names.tolist() == sorted(sounds)
    assert dataset.label_names == ("a", "b")
    np.testing.assert_array_equal(files.read(path, AUDIO).array, dataset.x)
    (note,) = dataset.notes
    assert note == "not read, being hidden, a system's, or masks: 2 files (1 by ._*, 1 by @eaDir/)"


LABELLED = {
    "one level": (ITEMS, ()),
    "no folders": (BOTH, ()),
    "cameras": (
        [f"{state}/{camera}/{index}.png" for index, state in enumerate(("bad", "good")) for camera in ("cam1", "cam2")],
        (
            "labels are the names of the innermost folders: 'cam1' is of bad/cam1 and good/cam1; "
            "'cam2' is of bad/cam2 and good/cam2",
        ),
    ),
    "MVTec": (
        ["train/good/0.png", "test/good/1.png", "test/broken/2.png"],
        ("labels are the names of the innermost folders: 'good' is of test/good and train/good",),
    ),
    "two levels": (
        ["x/a/0.png", "x/b/1.png"],
        ("labels are the names of the innermost folders: the tree has more than one level",),
    ),
    "beside folders": (
        ["0.png", "a/1.png"],
        ("labels are the names of the innermost folders: 1 files are in no folder and have an empty label",),
    ),
}


@FORMS
@pytest.mark.parametrize("case", LABELLED)
def test_labels_that_may_surprise_are_said(form, case, tmp_path):
    names, notes = LABELLED[case]
    path = form(tmp_path, pictures(*names))
    assert images.load(path, "auto", None, None).notes == notes
    assert file_labels(path, IMAGE, None).notes == notes
    assert in_training(path, None) == in_the_library(path, None)


def test_folders_of_a_mac_have_the_labels_that_people_type(tmp_path):
    path = as_folder(tmp_path, pictures(nfd("정상/0.png"), nfd("불량/1.png")))
    assert set(in_training(path, None).values()) == set(in_the_library(path, None).values()) == {"정상", "불량"}


@READERS
def test_two_files_of_one_name_in_two_unicode_forms_are_refused(labels, tmp_path):
    with pytest.raises((DataError, PofxError), match=r"two files have the name '가\.png'"):
        labels(as_folder(tmp_path, pictures("가.png", nfd("가.png"))), None)


@READERS
def test_names_of_an_archive_are_utf_8_or_refused(labels, tmp_path):
    marked = as_zip(tmp_path, pictures("정상/0.png")).read_bytes()

    def unmarked(coding):
        """The archive as a program writes it that does not mark its names as UTF-8."""
        name = "정상/0.png".encode()
        other = "정상/0.png".encode(coding).ljust(len(name), b"_")
        content = bytearray(marked.replace(name, other))
        for signature, flags in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
            content[content.index(signature) + flags] &= ~0x08
        (tmp_path / "unmarked.zip").write_bytes(content)
        return tmp_path / "unmarked.zip"

    assert labels(unmarked("utf-8"), None) == {"정상/0.png": "정상"}
    with pytest.raises((DataError, PofxError), match="pack it again with names in UTF-8"):
        labels(unmarked("cp949"), None)


def test_pictures_of_the_same_pixels_are_counted(tmp_path):
    contents = {**pictures(*ITEMS), "b/copy.png": png(0), "b/again.png": png(0)}
    (note,) = images.load(as_folder(tmp_path, contents), "auto", None, None).notes
    assert note.startswith("2 of 5 images have exactly the pixels of another (b/again.png as a/0.png, b/copy.png as")
