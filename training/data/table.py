"""CSV and Parquet tables."""

from pathlib import Path

import numpy as np
import pandas as pd

from training.data.dataset import Dataset
from training.data.labels import as_indices
from training.errors import DataError


def load(path: Path, columns: tuple[str, ...], labels: str | None) -> Dataset:
    """Numeric columns as float32 rows; the label column apart."""
    frame = _read(path)
    wanted = list(columns) or [name for name in frame.select_dtypes("number").columns if name != labels]
    missing = [name for name in [*wanted, *filter(None, [labels])] if name not in frame.columns]
    if missing:
        raise DataError(f"{path}: no column {missing[0]!r}; there is: {', '.join(map(str, frame.columns))}")
    if not wanted:
        raise DataError(f"{path}: no numeric column")
    values = frame[wanted].apply(pd.to_numeric, errors="coerce")
    _refuse_text(path, frame[wanted], values)
    names, indices = as_indices(frame[labels].astype(str).to_numpy()) if labels else ((), None)
    return Dataset(
        x=values.to_numpy(np.float32),
        labels=indices,
        label_names=names,
        columns=tuple(map(str, wanted)),
        source=str(path),
        licence="not stated",
    )


def _refuse_text(path: Path, frame: pd.DataFrame, values: pd.DataFrame) -> None:
    text = frame.notna() & values.isna()
    if text.to_numpy().any():
        row, column = np.argwhere(text.to_numpy())[0]
        raise DataError(
            f"{path}: column {frame.columns[column]} is not numeric: {frame.iloc[row, column]!r} in row {row}; leave "
            "it out of `columns`, or name it as `labels`"
        )


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{path} is not there")
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (ValueError, OSError) as error:  # pandas' and Arrow's parser errors are ValueErrors
        raise DataError(f"{path}: cannot be read: {error}") from error
