"""Image files in a folder or a zip archive."""

import csv
import io
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from training.data.dataset import Dataset
from training.data.files import named_files
from training.data.labels import as_indices
from training.data.picture import read_picture
from training.errors import DataError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff"}
CAPTIONS = "captions.csv"


def load(path: Path, mode: str, size: int | None, labels: str | None) -> Dataset:
    """All images below a folder or in a zip, in order of their names; ``auto`` keeps colours only if there are any."""
    files = dict(sorted(named_files(path, "images")))
    pictures = {name: data for name, data in files.items() if PurePosixPath(name).suffix.lower() in SUFFIXES}
    if not pictures:
        raise DataError(f"{path}: no image files ({', '.join(sorted(SUFFIXES))})")
    colours: Literal["L", "RGB"] = "L" if mode == "grey" else "RGB"
    arrays = [read_picture(name, data, colours, size) for name, data in pictures.items()]
    if mode == "auto" and all(_is_grey(array) for array in arrays):
        arrays = [array[..., :1] for array in arrays]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        sizes = ", ".join(f"{width}x{height}" for height, width, _ in sorted(shapes)[:4])
        raise DataError(f"{path}: images of different sizes ({sizes}…); set `size` in the recipe to resize them")
    label_names, indices = as_indices(np.array(_labels(path, files, list(pictures), labels)))
    return Dataset(
        x=np.stack(arrays),
        source=str(path),
        licence="not stated",
        labels=indices,
        label_names=label_names,
        captions=_captions(files, list(pictures)),
        names=np.array(list(pictures)),
    )


def _is_grey(array: np.ndarray) -> bool:
    return bool((array == array[..., :1]).all())


def _captions(files: dict[str, bytes], names: list[str]) -> np.ndarray | None:
    """The captions of pictures, text (items,); None where no table has one for each."""
    rows = _rows(files)
    by_file = {PurePosixPath(row["file"]).name: row["caption"] for row in rows if {"file", "caption"} <= set(row)}
    found = [by_file.get(PurePosixPath(name).name) for name in names]
    return None if None in found else np.array(found)


def _rows(files: dict[str, bytes]) -> list[dict[str, str]]:
    """The rows of the table that describes the pictures; none where there is no table."""
    table = next((data for name, data in files.items() if PurePosixPath(name).name == CAPTIONS), b"")
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))


def _labels(path: Path, files: dict[str, bytes], names: list[str], column: str | None) -> list[str]:
    if column is None:
        return [PurePosixPath(name).parent.name for name in names]
    if not any(PurePosixPath(name).name == CAPTIONS for name in files):
        raise DataError(f"{path}: no {CAPTIONS}, so labels cannot come from its column {column!r}")
    rows = _rows(files)
    if not rows or column not in rows[0] or "file" not in rows[0]:
        raise DataError(f"{path}: {CAPTIONS} needs the columns 'file' and {column!r}")
    by_file = {PurePosixPath(row["file"]).name: row[column] for row in rows}
    missing = [name for name in names if PurePosixPath(name).name not in by_file]
    if missing:
        raise DataError(f"{path}: {CAPTIONS} has no row for {missing[0]}")
    return [by_file[PurePosixPath(name).name] for name in names]
