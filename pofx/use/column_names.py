"""The names that a column of the table that was sent holds: a label, or a group, for every row."""

import numpy as np

from pofx.errors import RequestInvalid
from pofx.kinds.columns import Columns, TextColumns
from pofx.rules.categories import name_of
from pofx.rules.csv_cells import name_in
from pofx.rules.names import as_compared


def column_names(columns: Columns | None, name: str, what: str, first: int = 0) -> list[str]:
    """A name for every row, (n,); RequestInvalid where there is no such column, or a row has none.

    ``what`` the names are is for people; ``first`` is the index of the first row.
    """
    typed = {} if columns is None else columns.typed()
    found = {as_compared(own): values for own, values in typed.items()}.get(as_compared(name))
    if found is None:
        there = ", ".join(map(repr, typed)) or "no table"
        raise RequestInvalid(f"no column {name!r} with {what}s; there is: {there}")
    values = found.tolist() if isinstance(found, np.ndarray) else getattr(found, "to_pylist", lambda: found)()
    read = name_in if isinstance(columns, TextColumns) else name_of
    names = [read(value) if isinstance(value, str) else name_of(value) for value in values]
    if None in names:
        raise RequestInvalid(f"row {first + names.index(None)}: no {what} in the column {name!r}")
    return [str(name) for name in names]
