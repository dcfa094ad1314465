"""CSV and Parquet tables: numbers, and the codes of categories."""

from collections.abc import Collection, Container, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import ArrowException, Table, parquet

from pofx.kinds.columns import Columns
from pofx.kinds.encodings import is_parquet
from pofx.kinds.parquet import ROW_NUMBERS
from pofx.rules.categories import codes_of
from pofx.rules.csv_cells import name_in
from pofx.rules.groups import called
from pofx.rules.names import as_compared
from training.data.category_columns import (
    LARGEST_SHARE,
    MOST_CATEGORIES,
    are_few,
    as_names,
    by_frequency,
    in_one_spelling,
    is_text,
)
from training.data.csv_table import read_csv
from training.data.dataset import Dataset
from training.data.labels import as_indices
from training.data.notations import meant_otherwise
from training.data.precision import check_told_apart
from training.errors import DataError


@dataclass(frozen=True)
class _Modelled:
    """Columns of numbers and of codes, (items,) each, by name; the names behind the codes; why others are left out."""

    values: Mapping[str, np.ndarray]
    categories: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]


def load(
    path: Path,
    columns: tuple[str, ...],
    labels: str | None,
    categories: tuple[str, ...] = (),
    group: str | None = None,
) -> Dataset:
    """Columns as float32 rows, names of categories as their codes; those of labels and groups apart.

    Without ``columns`` these are all columns of numbers, and those of text that hold few different names. Those of
    ``categories`` are names, whatever they look like.
    """
    columns, categories = tuple(map(as_compared, columns)), tuple(map(as_compared, categories))
    labels = None if labels is None else as_compared(labels)
    group = None if group is None else as_compared(group)
    apart = [*filter(None, [labels, group])]
    frame, notes = _read(path, {*categories, *apart})
    _check_there(path, frame, [*columns, *categories, *apart])
    found = _modelled(path, frame, list(columns) or _usable(frame, apart), categories)
    if columns:
        _refuse(path, frame, found.left_out)
    if not found.values:
        raise DataError(f"{path}: no numeric column, and none of few categories")
    unused = {} if columns else _unusable(frame, {*found.values, *found.left_out, *apart})
    label_names, indices = _labels(path, frame[labels]) if labels else ((), None)
    return Dataset(
        x=_as_float32([*found.values.values()]),
        labels=indices,
        label_names=label_names,
        columns=tuple(found.values),
        categories=tuple(found.categories.get(name, ()) for name in found.values),
        left_out=(*found.left_out.values(), *unused.values()),
        notes=(*notes, *found.notes),
        groups=_labels(path, frame[group], "group")[1] if group else None,
        grouped_by=called("column", group),
        source=str(path),
        licence="not stated",
    )


def _modelled(path: Path, frame: pd.DataFrame, names: Sequence[str], categories: Container[str]) -> _Modelled:
    """What is modelled of columns; DataError for one that was meant as something else."""
    texts = {
        name: in_one_spelling(as_names(frame[name])) for name in names if name in categories or is_text(frame[name])
    }
    found = {name: by_frequency(values) for name, values in texts.items()}
    _check_meant(path, {name: texts[name] for name in texts if name not in categories}, found)
    left_out = _left_out(frame, found)
    wanted = [name for name in names if name not in left_out]
    numbers = {name: _numbers(path, frame[name]) for name in wanted if name not in found}
    values = {name: codes_of(texts[name].tolist(), found[name]) if name in found else numbers[name] for name in wanted}
    examples = (f"column {name!r} is left out: it holds {_example(frame[name])} for one" for name in left_out)
    rounded = (line for name, column in numbers.items() for line in check_told_apart(column, name, str(path)))
    return _Modelled(values, found, left_out, (*examples, *_as_categories(found, wanted), *rounded))


def _as_float32(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Columns (items,) as rows, float32 (items, features); what is too large is infinite, and refused."""
    with np.errstate(over="ignore"):
        return np.stack(columns, axis=1).astype(np.float32)


def _as_categories(found: Mapping[str, tuple[str, ...]], wanted: Sequence[str]) -> tuple[str, ...]:
    """Which columns are modelled as categories, with their number of them."""
    listed = [f"{name!r} ({len(found[name])})" for name in wanted if name in found]
    return (f"read as categories, with so many names: {', '.join(listed)}",) if listed else ()


def _check_meant(path: Path, named: Mapping[str, pd.Series], found: Mapping[str, tuple[str, ...]]) -> None:
    """DataError for the first column of texts that was meant as numbers or times."""
    for name, values in named.items():
        wrong = meant_otherwise(values, are_few(found[name], len(values)))
        if wrong is not None:
            raise DataError(
                f"{path}: column {name!r}: {wrong}; or leave the column out of `columns`, or name it in `categories` "
                "if these are names"
            )


def _unusable(frame: pd.DataFrame, used: Container[str]) -> dict[str, str]:
    """Why columns that are neither numbers nor text are not modelled, by their name."""
    others = [name for name in frame.columns if name not in used]
    return {name: f"column {name!r}: expected numbers or names, got {frame[name].dtype}" for name in others}


def labels_of(path: Path, name: str, parts: Sequence[Columns]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the labels in a column of a table that came in parts, and the index of each row's."""
    if name not in parts[0].cells():
        raise DataError(f"{path}: no column {name!r}; there is: {', '.join(map(repr, parts[0].cells()))}")
    return _labels(path, pd.Series([name_in(str(cell)) for part in parts for cell in part.cells()[name]], name=name))


def _labels(path: Path, column: pd.Series, what: str = "label") -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the labels and the index of each row's; DataError where a row has none."""
    names = as_names(column)
    missing = np.flatnonzero(names.isna())
    if len(missing):
        raise DataError(
            f"{path}: {len(missing)} rows have no {what} in column {column.name!r}, the first is row {missing[0]}; "
            "remove them or fill them in"
        )
    return as_indices(names.to_numpy(str))


def _check_there(path: Path, frame: pd.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise DataError(f"{path}: no column {missing[0]!r}; there is: {', '.join(map(repr, frame.columns))}")


def _usable(frame: pd.DataFrame, apart: Collection[str]) -> list[str]:
    numbers = set(frame.select_dtypes("number").columns)
    return [name for name in frame.columns if name not in apart and (name in numbers or is_text(frame[name]))]


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
            f"{path}: column {column.name!r} is not numeric: {column.iloc[row]!r} in row {row}; leave it out of "
            "`columns`, or name it as `labels`"
        )
    return values.to_numpy(np.float64, na_value=np.nan)


def _too_many(name: str, distinct: int, rows: int) -> str:
    """Why a column of text is not modelled; without a value of it, since this is also for the card."""
    return (
        f"column {name!r}: expected numbers, or at most {MOST_CATEGORIES} categories and {LARGEST_SHARE:.0%} as many "
        f"as rows, got {distinct} different texts in {rows} rows"
    )


def _refuse(path: Path, frame: pd.DataFrame, left_out: Mapping[str, str]) -> None:
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


def _read(path: Path, texts: Set[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns by name, and what is said about what is not read; in CSV those of ``texts`` are names."""
    if not path.is_file():
        raise DataError(f"{path} is {'a folder; expected a file' if path.is_dir() else 'not there'}")
    if path.suffix.lower() != ".parquet" and not is_parquet(path):
        return read_csv(path, texts)
    try:
        table = parquet.read_table(path)
    except (ValueError, OSError, ArrowException) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    return _in_memory(path, table)


def _in_memory(path: Path, table: Table) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns of a Parquet file by their names as they are compared; numbers of rows are not read."""
    numbers = [name for name in table.column_names if ROW_NUMBERS.fullmatch(name)]
    frame = table.drop_columns(numbers).to_pandas(ignore_metadata=True)
    frame.columns = [as_compared(name) for name in frame.columns]
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise DataError(f"{path}: column {twice[0]!r} is named twice; rename one of them")
    return frame, tuple(f"not read, since it is a number of the row: {name!r}" for name in numbers)
