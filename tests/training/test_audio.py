"""WAV files become items of one length and rate, or the error says which file is wrong and what to do."""

import io
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

from training.data import audio, split
from training.data.splits import SplitOptions
from training.errors import DataError


def _wav(samples: np.ndarray, rate_hz: int = 8000, channels: int = 1) -> bytes:
    """A WAV file whose sample width is that of the array."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(samples.dtype.itemsize)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def _ramp(length: int, start: int = 1) -> np.ndarray:
    return np.arange(start, start + length, dtype=np.int16)


def _write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def words(tmp_path):
    files = {"letters/b.wav": _wav(_ramp(3)), "digits/one.wav": _wav(_ramp(7, 100)), "digits/two.WAV": _wav(_ramp(4))}
    return _write(tmp_path / "words", {**files, "README.txt": b"not a recording"})


def test_a_recording_is_cropped_or_followed_by_silence(words):
    dataset = audio.load(words, 5, None, "folder", None)
    assert dataset.x.dtype == np.int16
    assert dataset.x.tolist() == [[100, 101, 102, 103, 104], [1, 2, 3, 4, 0], [1, 2, 3, 0, 0]]
    assert dataset.rate_hz == 8000
    assert [dataset.label_names[index] for index in dataset.labels] == ["digits", "digits", "letters"]


def test_a_zip_gives_what_its_folder_gives_and_labels_may_be_file_names(words, tmp_path):
    archive = tmp_path / "words.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in words.rglob("*.*"):
            file.write(path, path.relative_to(words))
    expected, got = (audio.load(path, 5, None, "file", 8000) for path in (words, archive))
    np.testing.assert_array_equal(got.x, expected.x)
    assert got.label_names == ("b", "one", "two")
    assert got.labels.tolist() == expected.labels.tolist() == [1, 2, 0]


def test_recordings_outside_any_sub_folder_have_no_labels(tmp_path):
    folder = _write(tmp_path, {"a.wav": _wav(_ramp(3)), "b.wav": _wav(_ramp(3))})
    assert audio.load(folder, 3, None, "folder", None).labels is None
    assert audio.load(folder, 3, None, "file", None).label_names == ("a", "b")


def test_windows_of_a_recording_share_its_label_and_group(words):
    dataset = audio.load(words, 3, 2, "file", None)
    assert dataset.x.tolist() == [[100, 101, 102], [102, 103, 104], [104, 105, 106], [1, 2, 3], [1, 2, 3]]
    assert dataset.groups.tolist() == [0, 0, 0, 1, 2]
    assert dataset.labels.tolist() == [1, 1, 1, 2, 0]


def test_windows_of_a_recording_stay_in_one_split(tmp_path):
    files = {f"{index}.wav": _wav(np.full(12, index, np.int16)) for index in range(40)}
    dataset = audio.load(_write(tmp_path, files), 4, 2, "file", None)
    parts = split(dataset, SplitOptions(), seed=0).parts.values()
    recordings = [set(part.x[:, 0].tolist()) for part in parts if len(part)]
    assert len(recordings) == 4
    assert sorted(np.concatenate([list(part) for part in recordings])) == list(range(40))
    assert sum(len(part) for part in parts) == len(dataset.x) == 200


def test_eight_bits_have_silence_in_the_middle(tmp_path):
    folder = _write(tmp_path, {"a.wav": _wav(np.array([128, 0, 255], np.uint8))})
    assert audio.load(folder, 3, None, "folder", None).x.tolist() == [[0, -32768, 32512]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_wav(np.ones((4, 3), np.int16), channels=3), "got 16 in 3; remove it, or `ffmpeg -i bad.wav -ac 1"),
        (_wav(np.ones(0, np.int16)), "bad.wav: the recording is empty"),
        (_wav(np.ones(4, np.int16))[:30], "bad.wav: the WAV file is damaged"),
        (_wav(np.ones(4, np.int16))[:-2], "bad.wav: the WAV file is truncated"),
        (b"ID3 is another format", "bad.wav: not a WAV file"),
        (_wav(np.ones(4, np.int16), 16000), "different rates .*one.wav 8000 Hz, .*bad.wav 16000 Hz"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(words, data, message):
    _write(words, {"digits/bad.wav": data})
    with pytest.raises(DataError, match=message):
        audio.load(words, 5, None, "folder", None)


def test_another_rate_than_wanted_is_refused(words):
    with pytest.raises(DataError, match="expected recordings at 16000 Hz, got 8000 Hz"):
        audio.load(words, 5, None, "folder", 16000)


def test_a_folder_without_recordings_and_a_missing_one_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"no WAV files \(\.wav, \.wave\)"):
        audio.load(tmp_path, 5, None, "folder", None)
    with pytest.raises(DataError, match="is not there"):
        audio.load(tmp_path / "missing", 5, None, "folder", None)
