"""The items of a request in every form they arrive in. ``count`` is known before anything is decoded."""

import base64
import binascii
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

import bundle
from service.errors import MediaUnsupported, RequestInvalid
from service.inference.graph import Array
from service.payloads.array import NpyHeader, decode_nested, decode_npy, read_npy_header
from service.payloads.image import decode_image
from service.payloads.table import decode_csv, finite_rows, row_values
from service.schemas.items import Item


@dataclass(frozen=True)
class Decoded:
    """Items of shape (batch, …) as the model takes them, and what was changed on the way."""

    array: Array
    notes: tuple[str, ...] = ()


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

    @property
    def count(self) -> int:
        """Number of items."""
        return len(self.items)

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The items; each may have its own form."""
        if spec.kind == "row":
            return Decoded(finite_rows([_row(item, spec, index) for index, item in enumerate(self.items)], spec))
        return _stacked([_image(item, spec, index) for index, item in enumerate(self.items)])


@dataclass(frozen=True)
class ImageFiles:
    """Encoded images."""

    files: Sequence[bytes]

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.files)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files))

    def decode(self, spec: bundle.InputSpec) -> Decoded:
        """The pixels."""
        if spec.kind != "image":
            raise MediaUnsupported("this model takes rows of a table; send JSON, CSV or npy")
        return _stacked([decode_image(file, spec, index) for index, file in enumerate(self.files)])


@dataclass(frozen=True)
class CsvText:
    """A table as CSV text."""

    content: bytes

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
            raise MediaUnsupported("this model takes images; send JSON, image files or npy")
        return Decoded(decode_csv(self.content, spec))


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
        return Decoded(decode_npy(self.content, self.header, spec))


def _image(item: Item, spec: bundle.ImageSpec, index: int) -> tuple[Array, str | None]:
    if item.image is not None:
        return decode_image(_from_base64(item.image, index), spec, index)
    if item.array is not None:
        return decode_nested(item.array, spec, index), None
    raise RequestInvalid(f"item {index}: this model takes an image or an array, got a row", index=index)


def _row(item: Item, spec: bundle.RowSpec, index: int) -> Sequence[float]:
    if item.row is not None:
        return row_values(item.row, spec, index)
    if item.array is not None:
        row: list[float] = decode_nested(item.array, spec, index).tolist()
        return row
    raise RequestInvalid(f"item {index}: this model takes a row or an array, got an image", index=index)


def _stacked(decoded: Sequence[tuple[Array, str | None]]) -> Decoded:
    notes = Counter(note for _, note in decoded if note is not None)
    if len(decoded) == 1:
        return Decoded(decoded[0][0][np.newaxis], tuple(notes))
    texts = tuple(f"{note} ({count} of {len(decoded)} items)" for note, count in notes.items())
    return Decoded(np.stack([pixels for pixels, _ in decoded]), texts)


def _from_base64(text: str, index: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestInvalid(f"item {index}: image is not base64", index=index) from error
