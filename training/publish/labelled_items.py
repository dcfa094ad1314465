"""Items for a bundle from a file, with their labels."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from pofx import bundle
from pofx.errors import PofxError
from pofx.kinds import files, folder
from pofx.kinds.files import Block
from pofx.use.calibrate import Labelled
from training.calibrate import labelled
from training.data import images, npz, table
from training.data.labels import as_indices
from training.errors import DataError

Named = tuple[tuple[str, ...], np.ndarray]
"""Names of labels, and the index of each item's, (items,)."""


@dataclass(frozen=True)
class LabelledItems:
    """Items of shape (items, …) in the dtype of the bundle's input, and their labels where there are any."""

    x: np.ndarray
    labels: Labelled

    def __len__(self) -> int:
        return len(self.x)


def read_items(path: Path, spec: bundle.InputSpec, labels: str | None = None) -> LabelledItems:
    """The items in a file or folder; DataError says what does not fit.

    ``labels`` is a column of a table or of captions.csv, or an array of an archive. Without it items in sub-folders
    have their names, and all others none.
    """
    try:
        blocks = list(files.blocks(path, spec))
    except PofxError as error:
        raise DataError(error.detail) from error
    x = np.concatenate([block.decoded.array for block in blocks])
    named = _from_sub_folders(blocks) if labels is None else _named(path, spec, blocks, labels)
    return LabelledItems(x, Labelled() if named is None else labelled(named[1], named[0]))


def _from_sub_folders(blocks: list[Block]) -> Named | None:
    folders = [PurePosixPath(name).parent.name for block in blocks for name in block.names]
    return as_indices(np.array(folders)) if any(folders) else None


def _named(path: Path, spec: bundle.InputSpec, blocks: list[Block], labels: str) -> Named:
    if path.suffix == ".npz":
        return _from_array(path, sum(len(block.decoded.array) for block in blocks), labels)
    if path.suffix != ".npy" and spec.kind == "row":
        return table.labels_of(
            path, labels, [block.decoded.columns for block in blocks if block.decoded.columns is not None]
        )
    if path.suffix != ".npy" and spec.kind == "image":
        names = [name for block in blocks for name in block.names]
        with folder.opened(path) as found:
            return as_indices(np.array(images.labels_of(path, found, names, labels)))
    raise DataError(f"{path}: has no place for labels {labels!r}; expected a table, images with captions.csv, or .npz")


def _from_array(path: Path, items: int, labels: str) -> Named:
    found = npz.read_arrays(path, (labels,))[labels]
    if found.shape != (items,):
        raise DataError(f"{path}: expected {labels!r} of shape ({items},), got {found.shape}")
    return as_indices(found)
