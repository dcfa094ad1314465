"""NumPy archives."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from pofx.rules.groups import called
from pofx.rules.names import as_compared
from training.data.dataset import Dataset
from training.data.labels import as_indices
from training.data.precision import check_told_apart
from training.errors import DataError

_CHANNELS = (1, 3)


def load(path: Path, array: str, labels: str | None, group: str | None = None) -> Dataset:
    """Images or rows from one array of an archive, labels from another, and from a third what belongs together."""
    content = read_arrays(path, (array, *filter(None, [labels, group])))
    where = f"{path}: array {array!r}"
    x = _as_items(content[array], where)
    names, indices = _as_labels(content[labels], len(x), f"{path}: labels {labels!r}") if labels else ((), None)
    columns = tuple(f"x{index}" for index in range(x.shape[1])) if x.ndim == 2 else ()
    notes = [
        line for place, name in enumerate(columns) for line in check_told_apart(content[array][:, place], name, where)
    ]
    return Dataset(
        x,
        str(path),
        "not stated",
        indices,
        names,
        columns,
        notes=tuple(notes),
        groups=_as_labels(content[group], len(x), f"{path}: groups {group!r}")[1] if group else None,
        grouped_by=called("array", group),
    )


def read_arrays(path: Path, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The wanted arrays of an archive by name; DataError for one that is not there."""
    if not path.is_file():
        raise DataError(f"{path} is {'a folder; expected an .npz file' if path.is_dir() else 'not there'}")
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise DataError(
                f"{path}: expected an archive with {' and '.join(map(repr, wanted))}, got a single array (.npy) of "
                f"shape {archive.shape}; write it with np.savez(path, {wanted[0]}=array)"
            )
        with archive:
            content = {name: archive[name] for name in set(wanted) if name in archive}
            known = ", ".join(map(repr, archive.files))
    except EOFError as error:
        raise DataError(f"{path}: not a NumPy archive of plain arrays: the file is empty or cut off") from error
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a NumPy archive of plain arrays: {error}") from error
    for name in wanted:
        if name not in content:
            raise DataError(f"{path}: no array {name!r}; there is: {known}")
    return content


def _as_items(x: np.ndarray, where: str) -> np.ndarray:
    """Rows, float32 (items, features), or images, uint8 (items, height, width, channels)."""
    if x.ndim == 2:
        if x.dtype.kind not in "fiub":
            raise DataError(f"{where}: expected rows of numbers, got {x.dtype} of shape {x.shape}; {_as_numbers(x)}")
        with np.errstate(over="ignore"):
            return x.astype(np.float32)
    if x.ndim not in (3, 4):
        cure = "use x[:, None] for one feature" if x.ndim == 1 else "reshape it to (items, features)"
        raise DataError(
            f"{where}: expected rows (items, features) or images (items, height, width[, channels]), got {x.dtype} of "
            f"shape {x.shape}; {cure}"
        )
    if x.ndim == 4 and x.shape[3] not in _CHANNELS:
        raise DataError(f"{where}: expected images (items, height, width, 1 or 3), got shape {x.shape}; {_channels(x)}")
    if x.dtype != np.uint8:
        raise DataError(f"{where}: expected images of type uint8, got {x.dtype} of shape {x.shape}; {_as_pixels(x)}")
    return x.reshape(*x.shape[:3], -1)


def _as_numbers(x: np.ndarray) -> str:
    """How rows of another type become numbers."""
    match x.dtype.kind:
        case "c":
            return "give real and imaginary parts as features of their own: np.hstack([x.real, x.imag])"
        case "M" | "m":
            return "give times as numbers, seconds since the first for instance: (x - x.min()) / np.timedelta64(1, 's')"
        case _:
            return "use x.astype(float) if they are numbers; a table (CSV, Parquet) can have columns of names"


def _channels(x: np.ndarray) -> str:
    if x.shape[1] in _CHANNELS:
        return "channels come last: use x.transpose(0, 2, 3, 1)"
    return "leave the transparency out: use x[..., :3]" if x.shape[3] == 4 else "use one or three of the channels"


def _as_pixels(x: np.ndarray) -> str:
    """How pixels of another type become bytes."""
    if x.dtype.kind == "b":
        return "use x.astype('uint8') * 255"
    if x.dtype.kind not in "fiu" or not np.isfinite(x).all():
        return "give every pixel as a whole number from 0 to 255"
    lowest, highest = x.min(initial=0), x.max(initial=0)
    if x.dtype.kind == "f" and lowest >= 0 and highest <= 1:
        return "use (255 * x).round().astype('uint8')"
    if lowest >= 0 and highest <= 255:
        return "use x.round().astype('uint8')" if x.dtype.kind == "f" else "use x.astype('uint8')"
    return f"its values are from {lowest:g} to {highest:g}: scale them to 0 to 255 and use .round().astype('uint8')"


def _as_labels(labels: np.ndarray, items: int, where: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the labels and the index of each item's."""
    if labels.shape != (items,):
        raise DataError(f"{where}: expected shape ({items},), got {labels.shape}; {_one_each(labels, items)}")
    if labels.dtype.kind == "S":
        labels = _decoded(labels, where)
    if labels.dtype.kind in "cV":
        raise DataError(f"{where}: expected names or whole numbers, got {labels.dtype}")
    missing = np.flatnonzero(_is_missing(labels))
    if len(missing):
        raise DataError(
            f"{where}: {len(missing)} of {items} items have no label, the first is item {missing[0]}; leave these "
            "items out, or give them a label"
        )
    if labels.dtype.kind == "f" and (labels == np.rint(labels)).all():
        labels = labels.astype(np.int64)  # a class is 2, not 2.0
    if labels.dtype.kind == "U":
        labels = np.array([as_compared(label) for label in labels.tolist()])
    return as_indices(labels)


def _one_each(labels: np.ndarray, items: int) -> str:
    """How labels of another shape become one for each item."""
    if labels.ndim == 2 and len(labels) == items:
        return "use y[:, 0]" if labels.shape[1] == 1 else "one-hot? use y.argmax(1)"
    if labels.ndim == 1:
        return f"there are {len(labels)} labels for {items} items; they must be of the same items, in their order"
    return "give one label for each item"


def _decoded(labels: np.ndarray, where: str) -> np.ndarray:
    try:
        return np.char.decode(labels, "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: expected text, got bytes that are not UTF-8; use np.char.decode") from error


def _is_missing(labels: np.ndarray) -> Any:
    """Whether a label is no value, bool (items,)."""
    match labels.dtype.kind:
        case "f":
            return np.isnan(labels)
        case "M" | "m":
            return np.isnat(labels)
        case "U":
            return np.char.strip(labels) == ""
        case _:
            return np.zeros(len(labels), bool)
