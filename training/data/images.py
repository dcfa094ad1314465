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
    names, indices = as_indices(np.array(_labels(path, files, list(pictures), labels)))
    return Dataset(np.stack(arrays), str(path), "not stated", indices, names)


def _is_grey(array: np.ndarray) -> bool:
    return bool((array == array[..., :1]).all())


def _labels(path: Path, files: dict[str, bytes], names: list[str], column: str | None) -> list[str]:
    if column is None:
        return [PurePosixPath(name).parent.name for name in names]
    captions = next((data for name, data in files.items() if PurePosixPath(name).name == CAPTIONS), None)
    if captions is None:
        raise DataError(f"{path}: no {CAPTIONS}, so labels cannot come from its column {column!r}")
    rows = list(csv.DictReader(io.StringIO(captions.decode("utf-8-sig"))))
    if not rows or column not in rows[0] or "file" not in rows[0]:
        raise DataError(f"{path}: {CAPTIONS} needs the columns 'file' and {column!r}")
    by_file = {PurePosixPath(row["file"]).name: row[column] for row in rows}
    missing = [name for name in names if PurePosixPath(name).name not in by_file]
    if missing:
        raise DataError(f"{path}: {CAPTIONS} has no row for {missing[0]}")
    return [by_file[PurePosixPath(name).name] for name in names]
