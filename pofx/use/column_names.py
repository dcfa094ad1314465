"""The names that a column of the table that was sent holds: a label, or a group, for every row."""

import numpy as np

from pofx.errors import RequestInvalid
from pofx.kinds.columns import TextColumns
from pofx.kinds.decoded import Decoded
from pofx.kinds.place import row
from pofx.rules.categories import name_of
from pofx.rules.csv_cells import name_in
from pofx.rules.names import as_compared


def column_names(items: Decoded, name: str, what: str, first: int = 0) -> list[str]:
    """A name for every row, (n,); RequestInvalid where there is no such column, or a row has none and is not kept.

    ``what`` the names are is for people; ``first`` is the index of the first row. A row that is left out has none.
    """
    columns = items.columns
    typed = {} if columns is None else columns.typed()
    found = {as_compared(own): values for own, values in typed.items()}.get(as_compared(name))
    if found is None:
        there = ", ".join(map(repr, typed)) or "no table"
        raise RequestInvalid(f"no column {name!r} with {what}s; there is: {there}")
    values = found.tolist() if isinstance(found, np.ndarray) else getattr(found, "to_pylist", lambda: found)()
    read = name_in if isinstance(columns, TextColumns) else name_of
    names = [read(value) if isinstance(value, str) else name_of(value) for value in values]
    for index in (index for index, found in enumerate(names) if found is None and index not in items.faults.wrong):
        place = row(first + index)
        items.faults.take(index, place, place.refusal(f"no {what} in the column {name!r}"))
    return ["" if name is None else str(name) for name in names]
