"""Image files in a folder or a zip archive."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from pofx.errors import RequestInvalid
from pofx.kinds.captions import Captions, captions_of, has_column, tables
from pofx.kinds.files import IMAGES
from pofx.kinds.folder import GROUPED_BY, Folder, grouped_by, sub_folder, sub_folder_notes
from training.data.dataset import Dataset
from training.data.folders import folder_groups, opened
from training.data.items import Items
from training.data.labels import as_indices
from training.data.picture import read_picture
from training.errors import DataError

_CAPTION = "caption"


def load(path: Path, mode: str, size: int | None, labels: str | None, group: str | None = None) -> Dataset:
    """All images below a folder or in a zip, in order of their names; ``auto`` keeps colours only if there are any.

    Images of one ``group`` belong together: a folder of theirs, or what captions.csv has in a column.
    """
    with opened(path, "images") as found:
        pictures = found.of(IMAGES)
        if not pictures.names:
            raise DataError(f"{path}: no image files ({', '.join(sorted(IMAGES))})")
        colours: Literal["L", "RGB"] = "L" if mode == "grey" else "RGB"
        arrays = [read_picture(name, pictures.read(name), colours, size) for name in pictures.names]
        said = _labels(found, pictures.names, labels)
        captions, about_captions = _captions(found, pictures.names)
        groups = None if group is None else _groups(path, found, pictures.names, group)
    label_names, indices = as_indices(np.array(said.values))
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
        groups=groups,
        grouped_by=grouped_by(group),
        resized=size is not None,
        notes=(*pictures.notes, *said.notes, *about_captions, *_twins(pictures.names, arrays)),
    )


def with_defects(found: Dataset, path: Path, size: int | None) -> Dataset:
    """The dataset with images of known defects beside it, in the colours and the size of its own."""
    read = load(path, "grey" if found.x.shape[3] == 1 else "rgb", size, None)
    if read.x.shape[1:] != found.x.shape[1:]:
        sides = [f"{shape[2]}x{shape[1]}" for shape in (found.x.shape, read.x.shape)]
        raise DataError(f"{path}: expected images of {sides[0]} like {found.source}, got {sides[1]}; set `size`")
    notes = (f"defects, all of them anomalies: {len(read.x)} images of {path}", *read.notes)
    return replace(found, defects=Items(read.x, names=read.names), notes=(*found.notes, *notes))


def _is_grey(array: np.ndarray) -> bool:
    return bool((array == array[..., :1]).all())


def _labels(found: Folder, names: Sequence[str], column: str | None) -> Captions:
    """The label of every image: what captions.csv has in a column, without one the name of its innermost folder."""
    if column is not None:
        return captions_of(found, names, column)
    return Captions(tuple(map(sub_folder, names)), sub_folder_notes(names))


def _groups(path: Path, found: Folder, names: Sequence[str], group: str) -> np.ndarray:
    """The group of every image, int64 (items,)."""
    if group in GROUPED_BY:
        return folder_groups(path, names, group)
    return as_indices(np.array(captions_of(found, names, group).values))[1]


def _captions(found: Folder, names: Sequence[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The captions of pictures, text (items,), and what to say of them; None where no table has one for each."""
    if not any(has_column(found, table, _CAPTION) for table in tables(found)):
        return None, ()
    try:
        return np.array(captions_of(found, names, _CAPTION).values), ()
    except RequestInvalid as error:
        return None, (f"no captions: {error.detail}",)


def _twins(names: Sequence[str], arrays: Sequence[np.ndarray]) -> tuple[str, ...]:
    """How many images have the pixels of another, in a line, if any has."""
    first: dict[bytes, str] = {}
    twins = []
    for name, array in zip(names, arrays, strict=True):
        digest = hashlib.sha256(f"{array.shape}".encode() + array.tobytes()).digest()
        if first.setdefault(digest, name) != name:
            twins.append(f"{name} as {first[digest]}")
    if not twins:
        return ()
    shown = ", ".join(twins[:3]) + (", …" if len(twins) > 3 else "")
    return (
        f"{len(twins)} of {len(names)} images have exactly the pixels of another ({shown}); "
        "those in different splits make figures look better than they are",
    )
