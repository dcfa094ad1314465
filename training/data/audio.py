"""Recordings in WAV files, in a folder or a zip archive."""

import io
import wave
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from training.data.dataset import Dataset
from training.data.files import named_files
from training.data.labels import as_indices
from training.errors import DataError

SUFFIXES = {".wav", ".wave"}
Labels = Literal["folder", "file"]


@dataclass(frozen=True)
class _Recording:
    name: str
    rate_hz: int
    samples: np.ndarray  # int16 (time,)


def load(path: Path, length: int, hop: int | None, labels: Labels, rate_hz: int | None) -> Dataset:
    """All recordings below a folder or in a zip, in order of their names, as windows of ``length`` samples.

    Without ``hop`` a recording gives its beginning, padded with silence; with it, a window every ``hop`` samples as
    long as a whole one fits. Windows of one recording share a group, and so never end up in different splits.
    """
    files = dict(sorted(named_files(path, "WAV files")))
    found = {name: data for name, data in files.items() if PurePosixPath(name).suffix.lower() in SUFFIXES}
    if not found:
        raise DataError(f"{path}: no WAV files ({', '.join(sorted(SUFFIXES))})")
    recordings = [_decode(name, data) for name, data in found.items()]
    rate = _common_rate(path, recordings, rate_hz)
    windows = [_windows(recording.samples, length, hop) for recording in recordings]
    groups = np.repeat(np.arange(len(recordings)), [len(part) for part in windows])
    names, indices = _labels(list(found), labels)
    return Dataset(
        x=np.concatenate(windows),
        source=str(path),
        licence="not stated",
        labels=None if indices is None else indices[groups],
        label_names=names,
        rate_hz=rate,
        groups=groups,
        names=np.array(list(found))[groups],
    )


def _decode(name: str, data: bytes) -> _Recording:
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate_hz = file.getnchannels(), file.getsampwidth(), file.getframerate()
            expected = file.getnframes() * channels * width
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise DataError(f"{name}: not a readable WAV file of plain PCM ({error}); {_convert(name)}") from error
    if channels != 1:
        raise DataError(f"{name}: expected one channel, got {channels}; {_convert(name)}")
    if width not in (1, 2):
        raise DataError(f"{name}: expected 8 or 16 bits per sample, got {8 * width}; {_convert(name)}")
    if len(frames) != expected:
        raise DataError(f"{name}: expected {expected} bytes of samples, got {len(frames)}; the file is truncated")
    if not frames:
        raise DataError(f"{name}: no samples; remove it")
    return _Recording(name, rate_hz, _as_int16(frames, width))


def _convert(name: str) -> str:
    return f"`ffmpeg -i {PurePosixPath(name).name} -ac 1 -c:a pcm_s16le out.wav` converts it"


def _as_int16(frames: bytes, width: int) -> np.ndarray:
    """Samples as 16 bits; 8-bit samples have no sign and silence at 128."""
    if width == 1:
        return (np.frombuffer(frames, np.uint8).astype(np.int16) - 128) * 256
    return np.frombuffer(frames, "<i2").astype(np.int16)


def _common_rate(path: Path, recordings: list[_Recording], wanted: int | None) -> int:
    """The rate of all recordings in Hz; DataError names one of each other rate."""
    first = {recording.rate_hz: recording.name for recording in reversed(recordings)}
    if len(first) > 1:
        examples = ", ".join(f"{name} {rate} Hz" for rate, name in sorted(first.items()))
        raise DataError(f"{path}: recordings of different rates ({examples}); resample them to one rate")
    (rate,) = first
    if wanted is not None and rate != wanted:
        raise DataError(f"{path}: expected recordings at {wanted} Hz, got {rate} Hz; resample them, or set `rate_hz`")
    return rate


def _windows(samples: np.ndarray, length: int, hop: int | None) -> np.ndarray:
    """Windows (count, length), at least one, which silence fills up."""
    starts = range(0, max(len(samples) - length, 0) + 1, hop or len(samples))
    parts = [samples[start : start + length] for start in starts]
    return np.stack([np.pad(part, (0, length - len(part))) for part in parts])


def _labels(names: list[str], labels: Labels) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Label names and the label of every recording; none where no recording is in a sub-folder."""
    paths = [PurePosixPath(name) for name in names]
    words = [path.stem if labels == "file" else path.parent.name for path in paths]
    return as_indices(np.array(words)) if any(words) else ((), None)
