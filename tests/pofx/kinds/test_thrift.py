"""Thrift's compact protocol: what is written by its rules is read, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pofx.kinds.thrift import BINARY, I32, I64, LIST, STRUCT, Malformed, read_struct


def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def integer(value):
    return varint((value << 1) ^ (value >> 63))


def encoded(fields):
    """A struct of (number, kind, value) with the numbers in any order."""
    parts = [bytes([kind]) + integer(number) + value_of(kind, value) for number, kind, value in fields]
    return b"".join(parts) + b"\0"


def value_of(kind, value):
    if kind == BINARY:
        return varint(len(value)) + value
    if kind == STRUCT:
        return encoded(value)
    if kind == LIST:
        return bytes([0xF0 | STRUCT]) + varint(len(value)) + b"".join(map(encoded, value))
    return integer(value)


scalars = st.one_of(
    st.tuples(st.just(I32), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(I64), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(BINARY), st.binary(max_size=200)),
)
structs = st.dictionaries(st.integers(1, 300), scalars, max_size=6)


def fields_of(drawn):
    return [(number, kind, value) for number, (kind, value) in drawn.items()]


@given(structs, st.lists(structs, max_size=20))
def test_what_is_written_is_read(drawn, others):
    content = encoded([*fields_of(drawn), (400, STRUCT, fields_of(drawn)), (401, LIST, list(map(fields_of, others)))])
    found, end = read_struct(b"xx" + content + b"rest", 2)
    assert end == 2 + len(content)
    for struct in (found, found.struct(400)):
        assert {number: struct.get(number, kind) for number, (kind, _) in drawn.items()} == {
            number: value for number, (_, value) in drawn.items()
        }
    assert [struct.fields for struct in found.structs(401)] == others


def test_a_field_is_what_it_should_be_or_not_there():
    found, _ = read_struct(encoded([(1, I64, 5), (2, I64, -1)]), 0)
    assert found.integer(1, I64) == 5
    for number, kind in ((1, I32), (2, I64), (3, I64)):
        with pytest.raises(Malformed):
            found.integer(number, kind)
    with pytest.raises(Malformed):
        found.struct(1)
    with pytest.raises(Malformed):
        found.structs(1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x15",
        encoded([(1, I32, 1), (1, I32, 2)]),
        b"\x1c" * 20,
        b"\x1f\0",
        b"\x19\xf7" + b"\xff" * 8 + b"\x01\0",
        b"\x15" + b"\xff" * 11,
    ],
)
def test_what_is_no_struct_is_refused(content):
    with pytest.raises(Malformed):
        read_struct(content, 0)


@given(st.binary(max_size=80))
def test_no_bytes_raise_anything_else(content):
    try:
        _, end = read_struct(content, 0)
    except Malformed:
        return
    assert end > 0
