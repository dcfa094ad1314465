"""The items of a JSON body."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.audio import decode_wav
from pofx.kinds.category_names import codes_in
from pofx.kinds.columns import Cells, Extra, PlainColumns
from pofx.kinds.decoded import Decoded, Single, stacked
from pofx.kinds.faults import Errors, Faults
from pofx.kinds.image import Allowance, decode_image, sent
from pofx.kinds.item import FORMS, Item
from pofx.kinds.json_text import from_base64
from pofx.kinds.nested import decode_nested
from pofx.kinds.place import Place, item
from pofx.kinds.row import columns_of, finite_rows, row_values, unread_note
from pofx.kinds.text import text_codes
from pofx.rules.names import as_compared


@dataclass(frozen=True)
class JsonItems:
    """Items of a JSON body of that many bytes; None for those that are ``refused`` already, with the reason."""

    items: Sequence[Item | None]
    size: int
    extra: Extra = "refuse"
    place: Callable[[int], Place] = item
    refused: Mapping[int, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of items."""
        return len(self.items)

    def decode(self, spec: bundle.InputSpec, errors: Errors = "refuse") -> Decoded:
        """The items; each may have its own form."""
        if spec.kind == "row":
            return self._rows(spec, Faults(errors))
        allowance = sent()
        return stacked(
            self.count,
            lambda index: _decoded(self._item(index), spec, self.place(index), allowance),
            spec,
            self.place,
            errors,
        )

    def _item(self, index: int) -> Item:
        """An item, unless it is refused already."""
        found = self.items[index]
        if found is None:
            raise self.place(index).refusal(self.refused[index])
        return found

    def _rows(self, spec: bundle.RowSpec, faults: Faults) -> Decoded:
        values = [self._row(index, spec, faults) for index in range(self.count)]
        names = {as_compared(column.name) for column in spec.columns}
        rows = [(value and value.row) or {} for value in self.items]
        read = [row for index, row in enumerate(rows) if index not in faults.wrong]
        sent = dict.fromkeys(name for row in read for name in row)
        unread = [name for name in sent if as_compared(name) not in names]
        array = finite_rows(values, spec, item, faults)
        own = dict(columns_of(np.array(values, np.float64).reshape(array.shape), spec).values)
        for column in spec.columns if faults.reasons else ():
            own[column.name] = _as_sent(own[column.name], column, rows, faults)
        kept = {name: _kept([row.get(name) for row in rows]) for name in unread}
        return Decoded(array, unread_note(unread), PlainColumns({**own, **kept}), faults=faults)

    def _row(self, index: int, spec: bundle.RowSpec, faults: Faults) -> Sequence[float]:
        with faults.of(index, item(index)):
            return _row(self._item(index), spec, index, self.extra, faults)
        return [math.nan] * len(spec.columns)


Row = Mapping[str, float | str | None]


def _as_sent(values: Cells, column: bundle.Column, rows: Sequence[Row], faults: Faults) -> Cells:
    """A column with the names that items with faults were sent with, be they of the model or not."""
    if not column.categories:
        return values
    sent = {index: rows[index].get(column.name) for index in faults.reasons}
    return [name if sent.get(index) is None else str(sent[index]) for index, name in enumerate(values)]


def _kept(values: list[float | str | None]) -> Cells:
    """A column that is not read: numbers, or text if there is any."""
    if not any(isinstance(value, str) for value in values):
        return np.array(values, np.float64)
    return [None if value is None else str(value) for value in values]


def _decoded(value: Item, spec: bundle.InputSpec, place: Place, allowance: Allowance) -> Single:
    if value.array is not None:
        return decode_nested(value.array, spec, place), None
    if spec.kind == "text" and value.text is not None:
        return text_codes(value.text, spec, place), None
    if spec.kind == "image" and value.image is not None:
        return decode_image(from_base64(value.image, place), spec, place, allowance)
    if spec.kind == "audio" and value.audio is not None:
        return decode_wav(from_base64(value.audio, place), spec, place)
    raise _other_form(value, spec, place)


def _row(value: Item, spec: bundle.RowSpec, index: int, extra: Extra, faults: Faults) -> Sequence[float]:
    if value.row is not None:
        return row_values(value.row, spec, index, extra, faults)
    if value.array is not None:
        _check_names_fit(value.array, spec, item(index))
        array = codes_in(value.array, spec, Place(f"item {index}", f"/inputs/{index}/array", index), faults)
        row: list[float] = decode_nested(_null_as_nan(array), spec, item(index)).tolist()
        return row
    raise _other_form(value, spec, item(index))


def _check_names_fit(values: list[Any], spec: bundle.RowSpec, place: Place) -> None:
    """RequestInvalid for names among more or fewer values than there are columns: whose they are is not known."""
    if len(values) != len(spec.columns) and str in map(type, values):
        raise place.refusal(f"expected {len(spec.columns)} values, got {len(values)}")


def _null_as_nan(values: list[Any]) -> list[Any]:
    return [math.nan if value is None else value for value in values] if None in values else values


def _other_form(value: Item, spec: bundle.InputSpec, place: Place) -> RequestInvalid:
    given = next(name for name in FORMS if getattr(value, name) is not None)
    return place.refusal(f"expected {spec.kind} or array, as this model takes, got {given}")
