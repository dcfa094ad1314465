"""Where the labels of items in files are: a column, an array beside the items, captions, or names of sub-folders."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds import folder
from pofx.kinds.captions import captions_of
from pofx.kinds.columns import TextColumns
from pofx.kinds.files import Block, encoded, naming
from pofx.rules.categories import name_of
from pofx.rules.csv_cells import name_in
from pofx.rules.names import as_compared


@dataclass(frozen=True)
class FileLabels:
    """The labels of the items of a block, one for each, empty where there are none; and what to say of them."""

    of: Callable[[Block], list[str]]
    notes: tuple[str, ...] = ()


def file_labels(path: Path, spec: bundle.InputSpec, asked: str | None) -> FileLabels:
    """How to find the labels: by ``asked`` where it is given, otherwise the names of sub-folders.

    Raises RequestInvalid. ``asked`` is a column of a table or of captions.csv, or an array of an npz archive.
    """
    with naming(path):
        return _file_labels(path, spec, asked)


def _file_labels(path: Path, spec: bundle.InputSpec, asked: str | None) -> FileLabels:
    if asked is None:
        return _of_folders(path, spec)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _in_array(_array(path, asked))
    if suffix == ".npy" or spec.kind in ("audio", "text"):
        raise RequestInvalid(f"has no place for labels {asked!r}; expected a table, images with captions.csv, or .npz")
    if spec.kind == "row":
        return FileLabels(lambda block: _in_column(path, block, asked))
    return _of_captions(path, spec, asked)


def _array(path: Path, name: str) -> Sequence[Any]:
    """An array of an archive, one value for each item."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if name not in archive.files:
                raise RequestInvalid(f"no array {name!r}; there is: {', '.join(archive.files)}")
            items = archive["x"] if "x" in archive.files else None
            found: Sequence[Any] = archive[name].tolist()
            shape = archive[name].shape
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise RequestInvalid(f"not a NumPy archive of plain arrays: {error}") from error
    if items is None:
        raise RequestInvalid(f"no array 'x' with the items beside the labels {name!r}")
    if shape != (len(items),):
        raise RequestInvalid(f"expected {name!r} of shape ({len(items)},), got {shape}")
    return found


def _in_array(values: Sequence[Any]) -> FileLabels:
    labels = [name_of(value.decode(errors="replace") if isinstance(value, bytes) else value) for value in values]
    if None in labels:
        raise RequestInvalid(f"item {labels.index(None)} has no label")
    return FileLabels(
        lambda block: [str(label) for label in labels[block.first : block.first + len(block.decoded.array)]]
    )


def _in_column(path: Path, block: Block, name: str) -> list[str]:
    columns = {} if block.decoded.columns is None else block.decoded.columns.typed()
    found = {as_compared(own): values for own, values in columns.items()}.get(as_compared(name))
    if found is None:
        raise RequestInvalid(f"{path}: no column {name!r} with labels; there is: {', '.join(map(repr, columns))}")
    values = found.tolist() if isinstance(found, np.ndarray) else getattr(found, "to_pylist", lambda: found)()
    read = name_in if isinstance(block.decoded.columns, TextColumns) else name_of
    labels = [read(value) if isinstance(value, str) else name_of(value) for value in values]
    missing = next((index for index, label in enumerate(labels) if label is None), None)
    if missing is not None:
        raise RequestInvalid(f"{path}: row {block.first + missing}: no label in the column {name!r}")
    return [str(label) for label in labels]


def _of_folders(path: Path, spec: bundle.InputSpec) -> FileLabels:
    """The names of the innermost folders, where items are files."""
    notes: tuple[str, ...] = ()
    if spec.kind in ("image", "audio") and path.exists() and path.suffix.lower() not in (".npy", ".npz"):
        with folder.opened(path) as found:
            notes = folder.sub_folder_notes(encoded(found, spec).names)
    return FileLabels(lambda block: list(map(folder.sub_folder, block.names)), notes)


def _of_captions(path: Path, spec: bundle.InputSpec, column: str) -> FileLabels:
    """What captions.csv says of every file."""
    with folder.opened(path) as found:
        names = encoded(found, spec).names
        captions = captions_of(found, names, column)
    by_name = dict(zip(names, captions.values, strict=True))
    return FileLabels(lambda block: [by_name[name] for name in block.names], captions.notes)
