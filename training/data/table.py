"""CSV and Parquet tables: numbers, and the codes of categories."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from training.data.categories import LARGEST_SHARE, MOST_CATEGORIES, are_few, as_names, by_frequency, codes, is_text
from training.data.dataset import Dataset
from training.data.labels import as_indices
from training.errors import DataError

_MOST_NAMES = 20  # in the words of an error

Categories = Mapping[str, tuple[str, ...]]


def load(path: Path, columns: tuple[str, ...], labels: str | None, known: Categories | None = None) -> Dataset:
    """Columns as float32 rows, names of categories as their codes; the label column apart.

    Without ``columns`` these are all columns of numbers, and those of text that hold few different names. ``known`` has
    the categories of columns by name, in the order of their codes; without it they are found in the file.
    """
    frame = _read(path, labels, known or {})
    _check_commas(path, frame)
    _check_there(path, frame, [*columns, *filter(None, [labels])])
    candidates = list(columns) or _usable(frame, labels)
    named = {name: as_names(frame[name]) for name in candidates if _is_named(frame[name], known)}
    found = {name: by_frequency(values) for name, values in named.items()} if known is None else known
    left_out = {} if known is not None else _left_out(frame, found)
    if columns:
        _refuse(path, frame, left_out)
    wanted = [name for name in candidates if name not in left_out]
    if not wanted:
        raise DataError(f"{path}: no numeric column, and none of few categories")
    values = [_values(path, frame[name], named.get(name), found.get(name, ())) for name in wanted]
    label_names, indices = _labels(path, frame[labels]) if labels else ((), None)
    return Dataset(
        x=np.stack(values, axis=1).astype(np.float32),
        labels=indices,
        label_names=label_names,
        columns=tuple(map(str, wanted)),
        categories=tuple(found.get(name, ()) for name in wanted),
        left_out=tuple(left_out.values()),
        source=str(path),
        licence="not stated",
    )


def _check_commas(path: Path, frame: pd.DataFrame) -> None:
    """Raises DataError for a table whose single column has a name like several ones."""
    name = str(frame.columns[0])
    if frame.shape[1] == 1 and any(mark in name for mark in ";\t|"):
        raise DataError(f"{path}: expected columns separated by commas, got one column {name!r}")


def _labels(path: Path, column: pd.Series) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the labels and the index of each row's; DataError where a row has none."""
    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise DataError(
            f"{path}: {len(missing)} rows have no label in column {column.name!r}, the first is row {missing[0]}; "
            "remove them or fill them in"
        )
    return as_indices(column.astype(str).to_numpy())


def _check_there(path: Path, frame: pd.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise DataError(f"{path}: no column {missing[0]!r}; there is: {', '.join(map(str, frame.columns))}")


def _usable(frame: pd.DataFrame, labels: str | None) -> list[str]:
    numbers = set(frame.select_dtypes("number").columns)
    return [name for name in frame.columns if name != labels and (name in numbers or is_text(frame[name]))]


def _is_named(column: pd.Series, known: Categories | None) -> bool:
    return is_text(column) if known is None else column.name in known


def _left_out(frame: pd.DataFrame, found: Categories) -> dict[str, str]:
    """Why columns of text are not modelled, by their name."""
    many = {name: len(names) for name, names in found.items() if not are_few(names, len(frame))}
    return {name: _too_many(str(name), distinct, len(frame)) for name, distinct in many.items()}


def _values(path: Path, column: pd.Series, names: pd.Series | None, categories: tuple[str, ...]) -> np.ndarray:
    """The numbers or codes of a column, float64 (rows,)."""
    if names is None:
        return _numbers(path, column)
    values = codes(names, categories)
    strange = names.notna() & values.isna()
    if strange.any():
        row = int(strange.to_numpy().argmax())
        raise DataError(
            f"{path}: row {row}, column {column.name!r}: expected a category of the model, {_listed(categories)}, got "
            f"{names.iloc[row]!r}; leave the row out"
        )
    return values.to_numpy(np.float64)


def _numbers(path: Path, column: pd.Series) -> np.ndarray:
    """The numbers of a column, float64 (rows,); DataError for the first value that is none."""
    values = pd.to_numeric(column, errors="coerce")
    text = (column.notna() & values.isna()).to_numpy()
    if text.any():
        row = int(text.argmax())
        raise DataError(
            f"{path}: column {column.name} is not numeric: {column.iloc[row]!r} in row {row}; leave it out of "
            "`columns`, or name it as `labels`"
        )
    return values.to_numpy(np.float64, na_value=np.nan)


def _too_many(name: str, distinct: int, rows: int) -> str:
    """Why a column of text is not modelled; without a value of it, since this is also for the card."""
    return (
        f"column {name!r}: expected numbers, or at most {MOST_CATEGORIES} categories and {LARGEST_SHARE:.0%} as many "
        f"as rows, got {distinct} different texts in {rows} rows"
    )


def _refuse(path: Path, frame: pd.DataFrame, left_out: dict[str, str]) -> None:
    """Raises DataError for the first column that was asked for and is not modelled."""
    for name, why in left_out.items():
        raise DataError(
            f"{path}: {why}, {_example(frame[name])} for one; leave it out of `columns`, or name it as `labels`"
        )


def _example(column: pd.Series) -> str:
    """A text of a column, one that is no number if there is any."""
    values = column.dropna()
    strange = values[pd.to_numeric(values, errors="coerce").isna()]
    return repr((strange if len(strange) else values).iloc[0])


def _listed(names: Sequence[str]) -> str:
    more = "" if len(names) <= _MOST_NAMES else f" and {len(names) - _MOST_NAMES} more"
    return ", ".join(map(repr, names[:_MOST_NAMES])) + more


def _read(path: Path, labels: str | None, known: Categories) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{path} is not there")
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path, labels, known)
    except (ValueError, OSError) as error:  # pandas' and Arrow's parser errors are ValueErrors
        raise DataError(f"{path}: cannot be read: {error}") from error


def _read_csv(path: Path, labels: str | None, known: Categories) -> pd.DataFrame:
    """The table, with the text of names as it stands in the file: pandas would make booleans of true and false."""
    frame = pd.read_csv(path, low_memory=False)  # in parts, a column could be of several types
    named = {name for name in frame.columns if name in known or is_text(frame[name])} - {labels}
    places = [place for place, name in enumerate(frame.columns) if name in named]
    if not places:
        return frame
    texts = pd.read_csv(path, usecols=places, dtype=str)
    return frame.assign(**{name: texts[name] for name in texts.columns})
