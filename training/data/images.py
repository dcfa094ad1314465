"""Image files in a folder or a zip archive."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from pofx.kinds.files import IMAGES
from pofx.kinds.folder import Folder
from training.data.dataset import Dataset
from training.data.folders import opened
from training.data.labels import as_indices
from training.data.picture import read_picture
from training.errors import DataError

CAPTIONS = "captions.csv"


def load(path: Path, mode: str, size: int | None, labels: str | None) -> Dataset:
    """All images below a folder or in a zip, in order of their names; ``auto`` keeps colours only if there are any."""
    with opened(path, "images") as found:
        pictures = found.of(IMAGES)
        if not pictures.names:
            raise DataError(f"{path}: no image files ({', '.join(sorted(IMAGES))})")
        colours: Literal["L", "RGB"] = "L" if mode == "grey" else "RGB"
        arrays = [read_picture(name, pictures.read(name), colours, size) for name in pictures.names]
        label_names, indices = as_indices(np.array(labels_of(path, found, pictures.names, labels)))
        captions = _captions(found, pictures.names)
    if mode == "auto" and all(_is_grey(array) for array in arrays):
        arrays = [array[..., :1] for array in arrays]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        sizes = ", ".join(f"{width}x{height}" for height, width, _ in sorted(shapes)[:4])
        raise DataError(f"{path}: images of different sizes ({sizes}…); set `size` in the recipe to resize them")
    return Dataset(
        x=np.stack(arrays),
        source=str(path),
        licence="not stated",
        labels=indices,
        label_names=label_names,
        captions=captions,
        names=np.array(pictures.names),
    )


def _is_grey(array: np.ndarray) -> bool:
    return bool((array == array[..., :1]).all())


def _captions(found: Folder, names: Sequence[str]) -> np.ndarray | None:
    """The captions of pictures, text (items,); None where no table has one for each."""
    rows = _rows(found)
    by_file = {PurePosixPath(row["file"]).name: row["caption"] for row in rows if {"file", "caption"} <= set(row)}
    captions = [by_file.get(PurePosixPath(name).name) for name in names]
    return None if None in captions else np.array(captions)


def _rows(found: Folder) -> list[dict[str, str]]:
    """The rows of the table that describes the pictures; none where there is no table."""
    tables = [name for name in found.names if PurePosixPath(name).name == CAPTIONS]
    text = found.read(tables[0]).decode("utf-8-sig") if tables else ""
    return list(csv.DictReader(io.StringIO(text)))


def labels_of(path: Path, found: Folder, names: Sequence[str], column: str | None) -> list[str]:
    """The label of every image: what captions.csv has in a column, without one the name of its sub-folder."""
    if column is None:
        return [PurePosixPath(name).parent.name for name in names]
    if not any(PurePosixPath(name).name == CAPTIONS for name in found.names):
        raise DataError(f"{path}: no {CAPTIONS}, so labels cannot come from its column {column!r}")
    rows = _rows(found)
    if not rows or column not in rows[0] or "file" not in rows[0]:
        raise DataError(f"{path}: {CAPTIONS} needs the columns 'file' and {column!r}")
    by_file = {PurePosixPath(row["file"]).name: row[column] for row in rows}
    missing = [name for name in names if PurePosixPath(name).name not in by_file]
    if missing:
        raise DataError(f"{path}: {CAPTIONS} has no row for {missing[0]}")
    return [by_file[PurePosixPath(name).name] for name in names]
