"""Items for a bundle from a file, in the form its graphs take."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pofx import bundle
from pofx.kinds.words import MARGINALISING
from pofx.use.calibrate import Labelled
from training.calibrate import labelled
from training.data import audio, images, npz, table
from training.data.dataset import Dataset
from training.data.labels import as_indices
from training.errors import DataError

TABLES = (".csv", ".parquet")


@dataclass(frozen=True)
class Items:
    """Items of shape (items, …) in the dtype of the bundle's input, and their labels where there are any."""

    x: np.ndarray
    labels: Labelled

    def __len__(self) -> int:
        return len(self.x)


def read_items(path: Path, spec: bundle.InputSpec, labels: str | None = None) -> Items:
    """The items in a file or folder; DataError says what does not fit.

    ``labels`` is a column of a table or of captions.csv, or an array of an archive. Without it items in sub-folders
    have their names, and all others none.
    """
    if path.suffix == ".npz":
        return _from_npz(path, spec, labels)
    if labels is not None and (path.suffix == ".npy" or spec.kind in ("audio", "text")):
        raise DataError(
            f"{path}: has no place for labels {labels!r}; expected a table, images with captions.csv, or .npz"
        )
    if path.suffix == ".npy":
        return Items(_from_npy(path, spec), Labelled())
    found = _loaded(path, spec, labels)
    return Items(_fitting(found.x, path, spec), labelled(found.labels, found.label_names))


def _loaded(path: Path, spec: bundle.InputSpec, labels: str | None) -> Dataset:
    match spec:
        case bundle.RowSpec():
            return _rows(path, spec, labels)
        case bundle.ImageSpec():
            return images.load(path, "grey" if spec.channels == 1 else "rgb", None, labels)
        case bundle.AudioSpec():
            return audio.load(path, spec.length, None, "folder", spec.rate_hz)
    raise DataError(f"{path}: expected a .npy file with codes of texts, uint8 {_shape(spec)}")


def _rows(path: Path, spec: bundle.RowSpec, labels: str | None) -> Dataset:
    if path.suffix not in TABLES:
        raise DataError(f"{path}: expected rows as .npy, .npz, {' or '.join(TABLES)}, as this model takes")
    known = {column.name: column.categories for column in spec.columns if column.categories}
    found = table.load(path, tuple(column.name for column in spec.columns), labels, known)
    _check_known(found.x, path, spec)
    return found


def _from_npz(path: Path, spec: bundle.InputSpec, labels: str | None) -> Items:
    """The items in the array x of an archive."""
    content = npz.read_arrays(path, ("x", *filter(None, [labels])))
    x = _arranged(content["x"], path, spec)
    if labels is None:
        return Items(x, Labelled())
    if content[labels].shape != (len(x),):
        raise DataError(f"{path}: expected {labels!r} of shape ({len(x)},), got {content[labels].shape}")
    names, indices = as_indices(content[labels])
    return Items(x, labelled(indices, names))


def _from_npy(path: Path, spec: bundle.InputSpec) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: not an array in npy format: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    return _arranged(array, path, spec)


def _arranged(array: np.ndarray, path: Path, spec: bundle.InputSpec) -> np.ndarray:
    if spec.kind == "image" and array.ndim == 3 and spec.channels == 1:
        array = array[..., None]  # (items, height, width, 1)
    return _typed(_fitting(array, path, spec), path, spec)


def _check_known(rows: np.ndarray, path: Path, spec: bundle.RowSpec) -> None:
    """Raises DataError for a missing value that the model cannot marginalise over."""
    if spec.missing == "refused" and np.isnan(rows).any():
        row, column = np.argwhere(np.isnan(rows))[0]
        raise DataError(
            f"{path}: row {row}, column {spec.columns[column].name!r}: expected a number, got a missing value; this "
            f"model cannot marginalise over it, models of the families {', '.join(MARGINALISING)} can"
        )


def _check_codes(rows: np.ndarray, path: Path, spec: bundle.RowSpec) -> None:
    """Raises DataError for the first number that should be the code of a category and is none."""
    sizes = np.array([len(column.categories) or np.inf for column in spec.columns])
    named = np.isfinite(sizes)
    wrong = named & ~np.isnan(rows) & ((rows < 0) | (rows >= sizes) | (rows != np.round(rows)))
    if wrong.any():
        row, place = (int(found) for found in np.argwhere(wrong)[0])
        column = spec.columns[place]
        raise DataError(
            f"{path}: row {row}, column {column.name!r}: expected the code of a category, a whole number from 0 to "
            f"{len(column.categories) - 1}, got {rows[row, place]:g}; a CSV or Parquet file has the names instead"
        )


def _fitting(array: np.ndarray, path: Path, spec: bundle.InputSpec) -> np.ndarray:
    if array.shape[1:] != spec.shape:
        raise DataError(f"{path}: expected {spec.kind} items of shape {_shape(spec)}, got {array.shape}")
    return array


def _typed(array: np.ndarray, path: Path, spec: bundle.InputSpec) -> np.ndarray:
    """The array in the dtype of the bundle's input; any numbers are rows, all else must have that dtype already."""
    wanted = bundle.DATA_DTYPES[spec.kind]
    if spec.kind != "row" and array.dtype != wanted:
        raise DataError(f"{path}: expected {wanted}, got {array.dtype}")
    if array.dtype.kind not in "buif":
        raise DataError(f"{path}: expected numbers, got {array.dtype}")
    if spec.kind != "row":
        return array
    with np.errstate(over="ignore"):  # too large for float32 is infinite, which is refused in plain words
        rows = array.astype(np.float32)
    read = Dataset(rows, str(path), "not stated", columns=tuple(column.name for column in spec.columns))
    _check_known(read.x, path, spec)
    _check_codes(read.x, path, spec)
    return read.x


def _shape(spec: bundle.InputSpec) -> str:
    return f"(items, {', '.join(map(str, spec.shape))})"
