"""CSV and Parquet tables: numbers, and the codes of categories."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pofx.kinds.columns import Columns
from pofx.rules.categories import codes_of
from pofx.rules.csv_cells import name_in
from training.data.category_columns import LARGEST_SHARE, MOST_CATEGORIES, are_few, as_names, by_frequency, is_text
from training.data.csv_table import read_csv
from training.data.dataset import Dataset
from training.data.labels import as_indices
from training.errors import DataError


def load(path: Path, columns: tuple[str, ...], labels: str | None) -> Dataset:
    """Columns as float32 rows, names of categories as their codes; the label column apart.

    Without ``columns`` these are all columns of numbers, and those of text that hold few different names.
    """
    frame = _read(path, labels)
    _check_there(path, frame, [*columns, *filter(None, [labels])])
    candidates = list(columns) or _usable(frame, labels)
    named = {name: as_names(frame[name]) for name in candidates if is_text(frame[name])}
    found = {name: by_frequency(values) for name, values in named.items()}
    left_out = _left_out(frame, found)
    if columns:
        _refuse(path, frame, left_out)
    wanted = [name for name in candidates if name not in left_out]
    if not wanted:
        raise DataError(f"{path}: no numeric column, and none of few categories")
    values = [
        codes_of(named[name].tolist(), found[name]) if name in found else _numbers(path, frame[name]) for name in wanted
    ]
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


def labels_of(path: Path, name: str, parts: Sequence[Columns]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the labels in a column of a table that came in parts, and the index of each row's."""
    if name not in parts[0].cells():
        raise DataError(f"{path}: no column {name!r}; there is: {', '.join(parts[0].cells())}")
    return _labels(path, pd.Series([name_in(str(cell)) for part in parts for cell in part.cells()[name]], name=name))


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


def _left_out(frame: pd.DataFrame, found: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Why columns of text are not modelled, by their name."""
    many = {name: len(names) for name, names in found.items() if not are_few(names, len(frame))}
    return {name: _too_many(str(name), distinct, len(frame)) for name, distinct in many.items()}


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


def _read(path: Path, labels: str | None) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{path} is not there")
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else read_csv(path, frozenset(filter(None, [labels])))
    except (ValueError, OSError) as error:  # pandas' and Arrow's parser errors are ValueErrors
        raise DataError(f"{path}: cannot be read: {error}") from error
