"""Recordings in WAV files, in a folder or a zip archive."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from pofx.errors import RequestInvalid
from pofx.kinds.audio import mono, read_header
from pofx.kinds.files import RECORDINGS
from pofx.kinds.folder import GROUPED_BY, sub_folder, sub_folder_notes
from pofx.kinds.place import Place
from pofx.rules.groups import FILES
from training.data.dataset import Dataset
from training.data.folders import folder_groups, opened
from training.data.labels import as_indices
from training.errors import DataError

Labels = Literal["folder", "file"]


@dataclass(frozen=True)
class _Recording:
    name: str
    rate_hz: int
    samples: np.ndarray  # int16 (time,)


def load(path: Path, length: int, hop: int | None, labels: Labels, rate_hz: int | None, group: str = "file") -> Dataset:
    """All recordings below a folder or in a zip, in order of their names, as windows of ``length`` samples.

    Without ``hop`` a recording gives its beginning, padded with silence; with it, a window every ``hop`` samples as
    long as a whole one fits. Windows of one recording share a group, and so never end up in different splits; or
    those of all recordings of one folder.
    """
    with opened(path, "WAV files") as files:
        found = files.of(RECORDINGS)
        if not found.names:
            raise DataError(f"{path}: no WAV files ({', '.join(sorted(RECORDINGS))})")
        recordings = [_decode(name, found.read(name)) for name in found.names]
    rate = _common_rate(path, recordings, rate_hz)
    windows = [_windows(recording.samples, length, hop) for recording in recordings]
    own = np.repeat(np.arange(len(recordings)), [len(part) for part in windows])  # the recording of every window
    names, indices = _labels(found.names, labels)
    return Dataset(
        x=np.concatenate(windows),
        source=str(path),
        licence="not stated",
        labels=None if indices is None else indices[own],
        label_names=names,
        rate_hz=rate,
        groups=own if group == "file" else folder_groups(path, found.names, group)[own],
        grouped_by=FILES if group == "file" else GROUPED_BY[group],
        names=np.array(found.names)[own],
        notes=(*found.notes, *(sub_folder_notes(found.names) if labels == "folder" else ())),
    )


def _decode(name: str, data: bytes) -> _Recording:
    try:
        header = read_header(data, Place(name, ""))
    except RequestInvalid as error:
        file = PurePosixPath(name).name
        raise DataError(
            f"{error}; remove it, or `ffmpeg -i {file} -ac 1 -c:a pcm_s16le out.wav` converts it"
        ) from error
    return _Recording(name, header.rate_hz, mono(data, header))


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


def _labels(names: tuple[str, ...], labels: Labels) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Label names and the label of every recording; none where no recording is in a sub-folder."""
    words = [PurePosixPath(name).stem if labels == "file" else sub_folder(name) for name in names]
    return as_indices(np.array(words)) if any(words) else ((), None)
