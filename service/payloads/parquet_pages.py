"""What the pages of a Parquet file hold when they are unpacked, read from their headers alone.

The footer only repeats what a writer claims; the page headers are what a reader allocates by. They are structs in
Thrift's compact protocol (https://github.com/apache/parquet-format, PageHeader).
"""

from dataclasses import dataclass
from typing import Any

from service.payloads.place import Place

_SIZE, _PACKED_SIZE, _DATA_V1, _DATA_V2 = 2, 3, 5, 8  # fields of a page header
_VALUES, _ENCODING_V1, _ENCODING_V2 = 1, 2, 4  # fields of the headers of data pages
_TRUE, _FALSE, _BYTE, _LAST_INTEGER, _DOUBLE, _BINARY, _STRUCT = 1, 2, 3, 6, 7, 8, 12
_MAX_DEPTH = 4

Fields = dict[int, Any]


@dataclass(frozen=True)
class Page:
    """``size`` in bytes when unpacked; ``values`` and ``encoding`` are those of a data page, else 0 and None."""

    size: int
    values: int
    encoding: int | None


def read_pages(content: bytes, start: int, stop: int, most: int, place: Place) -> list[Page]:
    """The pages that lie between two offsets, at most that many; raises TooLarge or RequestInvalid."""
    pages: list[Page] = []
    try:
        while start < stop:
            if len(pages) == most:
                raise place.too_large(f"more than {most} pages; write it with larger ones")
            fields, start = _struct(content, start, 0)
            if fields[_SIZE] < 0 or fields[_PACKED_SIZE] < 0:
                raise ValueError("negative size")
            start += fields[_PACKED_SIZE]
            pages.append(_page(fields))
    except (IndexError, KeyError, ValueError, TypeError) as error:
        raise place.refusal("the Parquet file is damaged: a page header cannot be read") from error
    if start != stop:
        raise place.refusal("the Parquet file is damaged: its pages are not where the footer says")
    return pages


def _page(fields: Fields) -> Page:
    if _DATA_V2 in fields:
        return Page(fields[_SIZE], fields[_DATA_V2][_VALUES], fields[_DATA_V2][_ENCODING_V2])
    if _DATA_V1 in fields:
        return Page(fields[_SIZE], fields[_DATA_V1][_VALUES], fields[_DATA_V1][_ENCODING_V1])
    return Page(fields[_SIZE], 0, None)


def _struct(content: bytes, at: int, depth: int) -> tuple[Fields, int]:
    """The fields of a struct by number, and where it ends."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")
    fields: Fields = {}
    number = 0
    while kind := content[at]:
        at += 1
        if kind >> 4:
            number += kind >> 4
        else:
            number, at = _integer(content, at)
        fields[number], at = _value(content, at, kind & 15, depth)
    return fields, at + 1


def _value(content: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if kind == _BYTE:
        return content[at], at + 1
    if kind <= _LAST_INTEGER:
        return _integer(content, at)
    if kind == _DOUBLE:
        return None, at + 8
    if kind == _BINARY:
        length, at = _varint(content, at)
        return None, at + length
    if kind == _STRUCT:
        return _struct(content, at, depth + 1)
    raise ValueError(f"a page header has no field of kind {kind}")


def _integer(content: bytes, at: int) -> tuple[int, int]:
    """A signed integer in zigzag coding, and where it ends."""
    value, at = _varint(content, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("an integer is too long")
