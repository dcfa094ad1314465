"""Where the labels of items in files are: a column, an array beside the items, captions, or names of sub-folders.

What belongs together is said in the same places.
"""

import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds import folder
from pofx.kinds.captions import captions_of
from pofx.kinds.files import Block, encoded, naming
from pofx.rules.categories import name_of
from pofx.use.column_names import column_names

_FILES = ("image", "audio")  # kinds of data of which every item can be a file


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
        return _of_folders(path, spec) if asked is None else _found(path, spec, asked, "label")


def file_groups(path: Path, spec: bundle.InputSpec, asked: str) -> FileLabels:
    """What items belong together, by a folder of theirs (``folder``, ``top-folder``), or as labels are found.

    Raises RequestInvalid.
    """
    with naming(path):
        if asked not in folder.GROUPS_BY_FOLDER or spec.kind not in _FILES:
            return _found(path, spec, asked, "group")
        return FileLabels(lambda block: [_folder_of(path, name, asked) for name in block.decoded.files])


def in_groups(blocks: Iterable[Block], path: Path, spec: bundle.InputSpec, asked: str | None) -> Iterator[Block]:
    """The blocks with the groups of their items, as they are where ``asked`` says nothing; raises RequestInvalid."""
    if asked is None:
        yield from blocks
        return
    found = file_groups(path, spec, asked)
    for block in blocks:
        decoded = replace(block.decoded, groups=tuple(found.of(block)))
        notes = () if block.first else found.notes
        yield replace(block, decoded=replace(decoded, notes=(*decoded.notes, *notes)))


def _folder_of(path: Path, name: str, asked: str) -> str:
    found = folder.GROUPS_BY_FOLDER[asked](name)
    if not found:
        raise RequestInvalid(f"{path}: {name} is in no folder, and the group of every file is to be its {asked}")
    return found


def _found(path: Path, spec: bundle.InputSpec, asked: str, what: str) -> FileLabels:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _in_array(_array(path, asked, what), what)
    if suffix == ".npy" or spec.kind in ("audio", "text"):
        raise RequestInvalid(f"has no place for {what}s {asked!r}; expected a table, images with captions.csv, or .npz")
    if spec.kind == "row":
        return FileLabels(lambda block: _in_column(path, block, asked, what))
    return _of_captions(path, spec, asked)


def _array(path: Path, name: str, what: str) -> Sequence[Any]:
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
        raise RequestInvalid(f"no array 'x' with the items beside the {what}s {name!r}")
    if shape != (len(items),):
        raise RequestInvalid(f"expected {name!r} of shape ({len(items)},), got {shape}")
    return found


def _in_array(values: Sequence[Any], what: str) -> FileLabels:
    labels = [name_of(value.decode(errors="replace") if isinstance(value, bytes) else value) for value in values]
    if None in labels:
        raise RequestInvalid(f"item {labels.index(None)} has no {what}")
    return FileLabels(
        lambda block: [str(label) for label in labels[block.first : block.first + len(block.decoded.array)]]
    )


def _in_column(path: Path, block: Block, name: str, what: str) -> list[str]:
    with naming(path):
        return column_names(block.decoded, name, what, block.first)


def _of_folders(path: Path, spec: bundle.InputSpec) -> FileLabels:
    """The names of the innermost folders, where items are files."""
    notes: tuple[str, ...] = ()
    if spec.kind in _FILES and path.exists() and path.suffix.lower() not in (".npy", ".npz"):
        with folder.opened(path) as found:
            notes = folder.sub_folder_notes(encoded(found, spec).names)
    return FileLabels(lambda block: list(map(folder.sub_folder, block.decoded.files)), notes)


def _of_captions(path: Path, spec: bundle.InputSpec, column: str) -> FileLabels:
    """What captions.csv says of every file."""
    with folder.opened(path) as found:
        names = encoded(found, spec).names
        captions = captions_of(found, names, column)
    by_name = dict(zip(names, captions.values, strict=True))
    return FileLabels(lambda block: [by_name[name] for name in block.decoded.files], captions.notes)
