"""Items for a bundle from a file, in the form its graphs take."""

from pathlib import Path

import numpy as np

import bundle
from bundle import MARGINALISING
from training.data import audio, images, table
from training.data.dataset import Dataset
from training.errors import DataError

TABLES = (".csv", ".parquet")


def read_items(path: Path, spec: bundle.InputSpec) -> np.ndarray:
    """Items of shape (items, …) and the dtype of the bundle's input; DataError says what does not fit."""
    if path.suffix == ".npy":
        return _from_npy(path, spec)
    match spec:
        case bundle.RowSpec():
            return _known(_rows(path, spec), path, spec)
        case bundle.ImageSpec():
            return _fitting(images.load(path, "grey" if spec.channels == 1 else "rgb", None, None).x, path, spec)
        case bundle.AudioSpec():
            return audio.load(path, spec.length, None, "folder", spec.rate_hz).x
    raise DataError(f"{path}: expected a .npy file with codes of texts, uint8 {_shape(spec)}")


def _rows(path: Path, spec: bundle.RowSpec) -> np.ndarray:
    if path.suffix not in TABLES:
        raise DataError(f"{path}: expected rows as .npy, {' or '.join(TABLES)}, as this model takes")
    return table.load(path, tuple(column.name for column in spec.columns), None).x


def _from_npy(path: Path, spec: bundle.InputSpec) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: not an array in npy format: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    if spec.kind == "image" and array.ndim == 3 and spec.channels == 1:
        array = array[..., None]  # (items, height, width, 1)
    return _typed(_fitting(array, path, spec), path, spec)


def _known(rows: np.ndarray, path: Path, spec: bundle.RowSpec) -> np.ndarray:
    """The rows; DataError for a missing value that the model cannot marginalise over."""
    if spec.missing == "refused" and np.isnan(rows).any():
        row, column = np.argwhere(np.isnan(rows))[0]
        raise DataError(
            f"{path}: row {row}, column {spec.columns[column].name!r}: expected a number, got a missing value; this "
            f"model cannot marginalise over it, models of the families {', '.join(MARGINALISING)} can"
        )
    return rows


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
    return _known(read.x, path, spec)


def _shape(spec: bundle.InputSpec) -> str:
    return f"(items, {', '.join(map(str, spec.shape))})"
