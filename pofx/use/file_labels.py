"""Where the labels of items in files are: a column, an array beside the items, captions, or names of sub-folders."""

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds import folder
from pofx.kinds.columns import TextColumns
from pofx.kinds.files import Block
from pofx.rules.categories import name_of
from pofx.rules.csv_cells import name_in
from pofx.rules.names import as_compared

FileLabels = Callable[[Block], list[str]]
"""The labels of the items of a block, one for each; empty where there are none."""

CAPTIONS = "captions.csv"
_FILE = "file"


def file_labels(path: Path, spec: bundle.InputSpec, asked: str | None) -> FileLabels:
    """How to find the labels: by ``asked`` where it is given, otherwise the names of sub-folders.

    Raises RequestInvalid. ``asked`` is a column of a table or of captions.csv, or an array of an npz archive.
    """
    if asked is None:
        return lambda block: [PurePosixPath(name).parent.name for name in block.names]
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _in_array(path, _array(path, asked))
    if suffix == ".npy" or spec.kind in ("audio", "text"):
        raise RequestInvalid(
            f"{path}: has no place for labels {asked!r}; expected a table, images with captions.csv, or .npz"
        )
    if spec.kind == "row":
        return lambda block: _in_column(path, block, asked)
    captions = _captions(path, asked)
    return lambda block: [_captioned(path, captions, name) for name in block.names]


def _array(path: Path, name: str) -> Sequence[Any]:
    """An array of an archive, one value for each item."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if name not in archive.files:
                raise RequestInvalid(f"{path}: no array {name!r}; there is: {', '.join(archive.files)}")
            items = archive["x"] if "x" in archive.files else None
            found: Sequence[Any] = archive[name].tolist()
            shape = archive[name].shape
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise RequestInvalid(f"{path}: not a NumPy archive of plain arrays: {error}") from error
    if items is None:
        raise RequestInvalid(f"{path}: no array 'x' with the items beside the labels {name!r}")
    if shape != (len(items),):
        raise RequestInvalid(f"{path}: expected {name!r} of shape ({len(items)},), got {shape}")
    return found


def _in_array(path: Path, values: Sequence[Any]) -> FileLabels:
    labels = [name_of(value.decode(errors="replace") if isinstance(value, bytes) else value) for value in values]
    if None in labels:
        raise RequestInvalid(f"{path}: item {labels.index(None)} has no label")
    return lambda block: [str(label) for label in labels[block.first : block.first + len(block.decoded.array)]]


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


def _captions(path: Path, column: str) -> dict[str, str]:
    """The label of every file that captions.csv names."""
    with folder.opened(path) as found:
        name = next((name for name in found.names if PurePosixPath(name).name == CAPTIONS), None)
        if name is None:
            raise RequestInvalid(f"{path}: no {CAPTIONS}, so labels cannot come from its column {column!r}")
        rows = list(csv.DictReader(io.StringIO(found.read(name).decode("utf-8-sig"))))
    if not rows or column not in rows[0] or _FILE not in rows[0]:
        raise RequestInvalid(f"{path}: {CAPTIONS} needs the columns {_FILE!r} and {column!r}")
    return {PurePosixPath(row[_FILE]).name: row[column] for row in rows}


def _captioned(path: Path, captions: dict[str, str], name: str) -> str:
    file = PurePosixPath(name).name
    if file not in captions:
        raise RequestInvalid(f"{path}: {CAPTIONS} has no row for {name}")
    return captions[file]
