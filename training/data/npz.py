"""NumPy archives."""

import zipfile
from pathlib import Path

import numpy as np

from training.data.dataset import Dataset
from training.data.labels import as_indices
from training.errors import DataError


def load(path: Path, array: str, labels: str | None) -> Dataset:
    """Images or rows from one array of an archive, labels from another."""
    content = read_arrays(path, (array, *filter(None, [labels])))
    names, indices = as_indices(content[labels]) if labels else ((), None)
    return Dataset(
        _as_items(content[array], path), str(path), "not stated", indices, names, _column_names(content[array])
    )


def read_arrays(path: Path, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The wanted arrays of an archive by name; DataError for one that is not there."""
    if not path.is_file():
        raise DataError(f"{path} is not there")
    try:
        with np.load(path, allow_pickle=False) as archive:
            content = {name: archive[name] for name in set(wanted) if name in archive}
            known = ", ".join(archive.files)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a NumPy archive of plain arrays: {error}") from error
    for name in wanted:
        if name not in content:
            raise DataError(f"{path}: no array {name!r}; there is: {known}")
    return content


def _as_items(x: np.ndarray, path: Path) -> np.ndarray:
    if x.ndim == 2:
        return x.astype(np.float32)
    if x.ndim in (3, 4) and x.dtype == np.uint8:
        return x.reshape(*x.shape[:3], -1)
    raise DataError(f"{path}: expected rows (items, features) or uint8 images, got {x.dtype} of shape {x.shape}")


def _column_names(x: np.ndarray) -> tuple[str, ...]:
    return tuple(f"x{index}" for index in range(x.shape[1])) if x.ndim == 2 else ()
