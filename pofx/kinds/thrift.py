"""Structs in Thrift's compact protocol, in which Parquet writes its headers.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md. A field that comes twice is refused,
and one of another kind than expected counts as missing, so that no other reader understands the same bytes otherwise.
"""

from dataclasses import dataclass, field
from typing import Any

I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
_TRUE, _FALSE, _BYTE, _I16, _DOUBLE, _SET = 1, 2, 3, 4, 7, 10
_MAX_DEPTH = 8
_DOUBLE_BYTES = 8


class Malformed(ValueError):
    """The bytes are no struct, or not the expected one."""


@dataclass
class Struct:
    """Fields by number, each with its kind."""

    fields: dict[int, tuple[int, Any]] = field(default_factory=dict)

    def get(self, number: int, kind: int) -> Any:
        """The value of a field, None if there is none of that kind."""
        found, value = self.fields.get(number, (None, None))
        return value if found == kind else None

    def integer(self, number: int, kind: int) -> int:
        """The value of a field that must be there and not negative; raises Malformed."""
        value = self.get(number, kind)
        if value is None or value < 0:
            raise Malformed(f"field {number}: expected an integer of at least 0")
        return int(value)

    def struct(self, number: int) -> "Struct":
        """The struct in a field that must be there; raises Malformed."""
        value = self.get(number, STRUCT)
        if not isinstance(value, Struct):
            raise Malformed(f"field {number}: expected a struct")
        return value

    def structs(self, number: int) -> list["Struct"]:
        """The structs in a list that must be there; raises Malformed."""
        values = self.get(number, LIST)
        if values is None or not all(isinstance(value, Struct) for value in values):
            raise Malformed(f"field {number}: expected a list of structs")
        return list(values)


def read_struct(content: bytes, at: int) -> tuple[Struct, int]:
    """The struct that begins there, and where it ends; raises Malformed."""
    try:
        return _struct(content, at, 0)
    except IndexError as error:
        raise Malformed("the bytes end within a struct") from error


def _struct(content: bytes, at: int, depth: int) -> tuple[Struct, int]:
    if depth > _MAX_DEPTH:
        raise Malformed("nested too deep")
    found, number = Struct(), 0
    while head := content[at]:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            number, at = _integer(content, at)
        if number in found.fields:
            raise Malformed(f"field {number} comes twice")
        value, at = _value(content, at, head & 15, depth)
        found.fields[number] = (head & 15, value)
    return found, at + 1


def _value(content: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if kind == _BYTE:
        return content[at], at + 1
    if kind in (_I16, I32, I64):
        return _integer(content, at)
    if kind == _DOUBLE:
        return None, at + _DOUBLE_BYTES
    if kind == BINARY:
        length, at = _varint(content, at)
        return content[at : at + length], at + length
    if kind in (LIST, _SET):
        return _list(content, at, depth)
    if kind == STRUCT:
        return _struct(content, at, depth + 1)
    raise Malformed(f"a field of the unknown kind {kind}")


def _list(content: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    count, kind = content[at] >> 4, content[at] & 15
    at += 1
    if count == 15:
        count, at = _varint(content, at)
    if count > len(content) - at:
        raise Malformed("a list is longer than the bytes that follow")
    values = []
    for _ in range(count):
        value, at = _value(content, at, _BYTE if kind in (_TRUE, _FALSE) else kind, depth + 1)
        values.append(value)
    return values, at


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
    raise Malformed("an integer is too long")
