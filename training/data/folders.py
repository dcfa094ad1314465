"""The folder or zip archive that a recipe names."""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pofx.errors import RequestInvalid
from pofx.kinds import folder
from training.data.labels import as_indices
from training.errors import DataError


@contextmanager
def opened(path: Path, what: str) -> Iterator[folder.Folder]:
    """Its files; ``what`` they are, for people. DataError if it is neither a folder nor a zip archive."""
    if not path.exists():
        raise DataError(f"{path} is not there; expected a folder or a zip archive of {what}")
    if not path.is_dir() and not zipfile.is_zipfile(path):
        raise DataError(f"{path}: expected a folder or a zip archive of {what}")
    try:
        with folder.opened(path) as found:
            yield found
    except RequestInvalid as error:
        raise DataError(f"{path}: {error.detail}") from error


def folder_groups(path: Path, names: Sequence[str], group: str) -> np.ndarray:
    """The group of every file by its folder, int64 (files,); DataError where one is in none."""
    found = [folder.GROUPS_BY_FOLDER[group](name) for name in names]
    if "" in found:
        raise DataError(f"{path}: {names[found.index('')]} is in no folder, and `group` asks for one of every file")
    return as_indices(np.array(found))[1]
