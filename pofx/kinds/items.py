"""The items of a request in every form they arrive in. ``count`` is known before anything is decoded."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from pofx import bundle
from pofx.errors import MediaUnsupported, RequestInvalid
from pofx.kinds.audio import decode_wav
from pofx.kinds.categories import codes_in, names_of
from pofx.kinds.columns import Cells, Columns, Extra, PlainColumns
from pofx.kinds.image import decode_image
from pofx.kinds.item import FORMS, Item
from pofx.kinds.json_text import from_base64
from pofx.kinds.nested import decode_nested
from pofx.kinds.npy import NpyHeader, decode_npy, read_npy_header
from pofx.kinds.place import Place, item
from pofx.kinds.table import decode_csv, finite_rows, row_values, unread_note
from pofx.kinds.text import encode_text, has_lines, padded
from pofx.kinds.words import takes
from pofx.rules.arrays import Array


@dataclass(frozen=True)
class Decoded:
    """Items of shape (batch, …) as the model takes them, what was changed on the way, and the columns of a table."""

    array: Array
    notes: tuple[str, ...] = ()
    columns: Columns | None = None


class Payload(Protocol):
    """Items that are not decoded yet: how many, and how many bytes."""

    @property
    def count(self) -> int:
        """Number of items; for text an upper bound."""
        ...

    @property
    def size(self) -> int:
        """Bytes to decode."""
        ...

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The items; raises RequestInvalid."""
        ...


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
        return _stacked([_decoded(value, spec, self.place(index)) for index, value in enumerate(self.items)])

    def _rows(self, spec: bundle.RowSpec) -> Decoded:
        values = [_row(value, spec, index, self.extra) for index, value in enumerate(self.items)]
        names = {column.name for column in spec.columns}
        rows = [value.row or {} for value in self.items]
        unread = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in names]
        array = finite_rows(values, spec)
        own = columns_of(np.array(values, np.float64).reshape(array.shape), spec).values
        kept = {name: _kept([row.get(name) for row in rows]) for name in unread}
        notes = (unread_note(unread),) if unread else ()
        return Decoded(array, notes, PlainColumns({**own, **kept}))


@dataclass(frozen=True)
class Files:
    """Encoded images or recordings; ``kind`` says which, where the request does."""

    files: Sequence[bytes]
    kind: Literal["image", "audio"] | None = None

    @property
    def count(self) -> int:
        """Number of files."""
        return len(self.files)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files))

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The pixels or samples."""
        if spec.kind == "image" and self.kind != "audio":
            return _stacked([decode_image(file, spec, item(index)) for index, file in enumerate(self.files)])
        if spec.kind == "audio" and self.kind != "image":
            return _stacked([decode_wav(file, spec, item(index)) for index, file in enumerate(self.files)])
        raise MediaUnsupported(takes(spec))


@dataclass(frozen=True)
class CsvText:
    """A table as CSV text."""

    content: bytes
    extra: Extra = "refuse"

    @property
    def count(self) -> int:
        """At most that many rows."""
        return self.content.count(b"\n") + (not self.content.endswith(b"\n")) - 1

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return len(self.content)

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The rows."""
        if spec.kind != "row":
            raise MediaUnsupported(takes(spec))
        rows, columns = decode_csv(self.content, spec, self.extra)
        names = {column.name for column in spec.columns}
        unread = [name for name in columns.texts if name not in names]
        return Decoded(rows, (unread_note(unread),) if unread else (), columns)


@dataclass(frozen=True)
class TextLines:
    """Texts in UTF-8, one per line."""

    content: bytes

    @property
    def count(self) -> int:
        """Number of lines."""
        return self.content.count(b"\n") + (not self.content.endswith(b"\n"))

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return len(self.content)

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The codes of every text."""
        if spec.kind != "text":
            raise MediaUnsupported(takes(spec))
        if has_lines(spec):
            raise MediaUnsupported("a text of this model can have several lines; send JSON or npy")
        try:
            lines = self.content.decode("utf-8-sig").removesuffix("\n").split("\n")
        except UnicodeDecodeError as error:
            raise RequestInvalid(f"not text in UTF-8: {error}") from error
        return _stacked(
            [(_codes(line.removesuffix("\r"), spec, item(index)), None) for index, line in enumerate(lines)]
        )


@dataclass(frozen=True)
class NpyFile:
    """An array as npy file whose header has been checked."""

    content: bytes
    header: NpyHeader

    @classmethod
    def parse(cls, content: bytes) -> "NpyFile":
        """The file with its header; raises RequestInvalid."""
        return cls(content, read_npy_header(content))

    @property
    def count(self) -> int:
        """Number of items."""
        return self.header.shape[0]

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.content)

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The items."""
        array = decode_npy(self.content, self.header, spec)
        return Decoded(array, columns=columns_of(array, spec) if spec.kind == "row" else None)


def columns_of(rows: Array, spec: bundle.RowSpec) -> PlainColumns:
    """The model's columns of rows of shape (n, features), with the names of categories."""
    pairs = zip(spec.columns, rows.T, strict=True)
    return PlainColumns(
        {column.name: names_of(values, column) if column.categories else values for column, values in pairs}
    )


def _kept(values: list[float | str | None]) -> Cells:
    """A column that is not read: numbers, or text if there is any."""
    if not any(isinstance(value, str) for value in values):
        return np.array(values, np.float64)
    return [None if value is None else str(value) for value in values]


def _decoded(value: Item, spec: bundle.InputSpec, place: Place) -> tuple[Array, str | None]:
    if value.array is not None:
        return decode_nested(value.array, spec, place), None
    if spec.kind == "text" and value.text is not None:
        return _codes(value.text, spec, place), None
    if spec.kind == "image" and value.image is not None:
        return decode_image(from_base64(value.image, place), spec, place)
    if spec.kind == "audio" and value.audio is not None:
        return decode_wav(from_base64(value.audio, place), spec, place)
    raise _other_form(value, spec, place)


def _codes(text: str, spec: bundle.TextSpec, place: Place) -> Array:
    return padded(encode_text(text, spec, place), spec)


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


def _stacked(decoded: Sequence[tuple[Array, str | None]]) -> Decoded:
    notes = Counter(note for _, note in decoded if note is not None)
    if len(decoded) == 1:
        return Decoded(decoded[0][0][np.newaxis], tuple(notes))
    texts = tuple(f"{note} ({count} of {len(decoded)} items)" for note, count in notes.items())
    return Decoded(np.stack([values for values, _ in decoded]), texts)
