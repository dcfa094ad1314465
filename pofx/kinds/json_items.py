"""The items of a JSON body."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.audio import decode_wav
from pofx.kinds.category_names import codes_in
from pofx.kinds.columns import Cells, Extra, PlainColumns
from pofx.kinds.decoded import Decoded, stacked
from pofx.kinds.image import decode_image
from pofx.kinds.item import FORMS, Item
from pofx.kinds.json_text import from_base64
from pofx.kinds.nested import decode_nested
from pofx.kinds.place import Place, item
from pofx.kinds.row import columns_of, finite_rows, row_values, unread_note
from pofx.kinds.text import text_codes
from pofx.rules.arrays import Array
from pofx.rules.names import as_compared


@dataclass(frozen=True)
class JsonItems:
    """Items of a JSON body of that many bytes."""

    items: Sequence[Item]
    size: int
    extra: Extra = "refuse"
    place: Callable[[int], Place] = item

    @property
    def count(self) -> int:
        """Number of items."""
        return len(self.items)

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The items; each may have its own form."""
        if spec.kind == "row":
            return self._rows(spec)
        return stacked([_decoded(value, spec, self.place(index)) for index, value in enumerate(self.items)])

    def _rows(self, spec: bundle.RowSpec) -> Decoded:
        values = [_row(value, spec, index, self.extra) for index, value in enumerate(self.items)]
        names = {as_compared(column.name) for column in spec.columns}
        rows = [value.row or {} for value in self.items]
        sent = dict.fromkeys(name for row in rows for name in row)
        unread = [name for name in sent if as_compared(name) not in names]
        array = finite_rows(values, spec)
        own = columns_of(np.array(values, np.float64).reshape(array.shape), spec).values
        kept = {name: _kept([row.get(name) for row in rows]) for name in unread}
        return Decoded(array, unread_note(unread), PlainColumns({**own, **kept}))


def _kept(values: list[float | str | None]) -> Cells:
    """A column that is not read: numbers, or text if there is any."""
    if not any(isinstance(value, str) for value in values):
        return np.array(values, np.float64)
    return [None if value is None else str(value) for value in values]


def _decoded(value: Item, spec: bundle.InputSpec, place: Place) -> tuple[Array, str | None]:
    if value.array is not None:
        return decode_nested(value.array, spec, place), None
    if spec.kind == "text" and value.text is not None:
        return text_codes(value.text, spec, place), None
    if spec.kind == "image" and value.image is not None:
        return decode_image(from_base64(value.image, place), spec, place)
    if spec.kind == "audio" and value.audio is not None:
        return decode_wav(from_base64(value.audio, place), spec, place)
    raise _other_form(value, spec, place)


def _row(value: Item, spec: bundle.RowSpec, index: int, extra: Extra) -> Sequence[float]:
    if value.row is not None:
        return row_values(value.row, spec, index, extra)
    if value.array is not None:
        array = codes_in(value.array, spec, Place(f"item {index}", f"/inputs/{index}/array", index))
        row: list[float] = decode_nested(_null_as_nan(array), spec, item(index)).tolist()
        return row
    raise _other_form(value, spec, item(index))


def _null_as_nan(values: list[Any]) -> list[Any]:
    return [math.nan if value is None else value for value in values] if None in values else values


def _other_form(value: Item, spec: bundle.InputSpec, place: Place) -> RequestInvalid:
    given = next(name for name in FORMS if getattr(value, name) is not None)
    return place.refusal(f"expected {spec.kind} or array, as this model takes, got {given}")
