"""What a Parquet file holds and what unpacking it takes, read from its headers alone.

They are read here and not by pyarrow, for two reasons: a damaged footer can end the process inside pyarrow 26, and what
a reader allocates follows from the page headers, which pyarrow does not show. The structs are those of
https://github.com/apache/parquet-format, parquet.thrift.
"""

from dataclasses import dataclass

from pofx.errors import PofxError, RequestInvalid, TooLarge
from pofx.kinds.thrift import I32, I64, Malformed, Struct, read_struct

MAX_COLUMNS = 2000
MAX_CHUNKS = 5000
MAX_PAGES = 20_000
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
_MAX_FOOTER_BYTES = 1024 * 1024
_MAGIC = b"PAR1"
_REPEATED, _BYTE_ARRAY = 2, 6  # FieldRepetitionType, Type
_DELTA_BYTE_ARRAY = 7  # an Encoding in which values share prefixes, so that a page does not bound their size


@dataclass(frozen=True)
class Chunk:
    """The pages of one column in one row group: where they lie, in bytes, and how many values they hold."""

    start: int
    stop: int
    values: int
    text: bool


@dataclass(frozen=True)
class Footer:
    """How many rows there are, and where."""

    rows: int
    chunks: tuple[Chunk, ...]


def read_footer(content: bytes) -> Footer:
    """The footer of a file with plain columns; raises RequestInvalid or TooLarge."""
    size = int.from_bytes(content[-8:-4], "little")
    if len(content) < 12 or content[:4] != _MAGIC or content[-4:] != _MAGIC or size > len(content) - 12:
        raise RequestInvalid("not a Parquet file, or a truncated one")
    if size > _MAX_FOOTER_BYTES:
        raise TooLarge(f"Parquet: the footer has {size} bytes, at most {_MAX_FOOTER_BYTES}")
    try:
        footer, _ = read_struct(content[-8 - size : -8], 0)
        columns = _check_schema(footer.structs(2))
        chunks = [_chunks(group, columns, len(content)) for group in _row_groups(footer, columns)]
        rows = footer.integer(3, I64)
    except Malformed as error:
        raise damaged("its footer cannot be read") from error
    if sum(part[0].values for part in chunks) != rows:
        raise damaged("its numbers of rows do not agree")
    return Footer(rows, tuple(chunk for part in chunks for chunk in part))


def check_pages(content: bytes, footer: Footer) -> None:
    """Raises TooLarge or RequestInvalid for what would take too much memory when it is unpacked."""
    pages = unpacked = 0
    for chunk in footer.chunks:
        count, size = _check_chunk(content, chunk, MAX_PAGES - pages)
        pages, unpacked = pages + count, unpacked + size
    if unpacked > MAX_UNPACKED_BYTES:
        raise TooLarge(f"Parquet: unpacked it is larger than {MAX_UNPACKED_BYTES} bytes")


def damaged(how: str) -> PofxError:
    """The refusal of a damaged file."""
    return RequestInvalid(f"the Parquet file is truncated or damaged: {how}")


def _check_schema(elements: list[Struct]) -> int:
    """The number of columns, none of which may hold others or lists."""
    root, *columns = elements or [Struct()]
    if len(columns) > MAX_COLUMNS:
        raise TooLarge(f"Parquet: {len(columns)} columns, at most {MAX_COLUMNS}")
    if any(column.get(5, I32) or column.get(3, I32) == _REPEATED for column in columns):
        raise RequestInvalid("Parquet: expected plain columns, got lists or columns within columns; leave them out")
    if not columns or root.get(5, I32) != len(columns):
        raise Malformed("the schema has another number of columns than it says")
    return len(columns)


def _row_groups(footer: Struct, columns: int) -> list[Struct]:
    groups = footer.structs(4)
    if len(groups) * columns > MAX_CHUNKS:
        raise TooLarge(f"Parquet: {len(groups)} row groups; write it with larger ones")
    return groups


def _chunks(group: Struct, columns: int, length: int) -> list[Chunk]:
    chunks = [_chunk(column.struct(3), length) for column in group.structs(1)]
    if len(chunks) != columns or any(chunk.values != group.integer(3, I64) for chunk in chunks):
        raise Malformed("a row group has another number of columns or rows than it says")
    return chunks


def _chunk(column: Struct, length: int) -> Chunk:
    start = column.integer(9, I64)
    dictionary = column.get(11, I64)
    if dictionary is not None and 0 < dictionary < start:
        start = dictionary
    stop = start + column.integer(7, I64)
    if start < len(_MAGIC) or stop > length:
        raise Malformed("a column lies outside of the file")
    return Chunk(start, stop, column.integer(5, I64), column.integer(1, I32) == _BYTE_ARRAY)


def _check_chunk(content: bytes, chunk: Chunk, most: int) -> tuple[int, int]:
    """The number of pages, and their bytes when unpacked."""
    at, pages, values, size = chunk.start, 0, 0, 0
    while at < chunk.stop:
        if pages == most:
            raise TooLarge(f"Parquet: more than {MAX_PAGES} pages; write it with larger ones")
        try:
            page, at = read_struct(content, at)
            at += page.integer(3, I32)
            found = _values(page, chunk)
            size += page.integer(2, I32)
        except Malformed as error:
            raise damaged("a page header cannot be read") from error
        pages, values = pages + 1, values + found
    if at != chunk.stop or values != chunk.values:
        raise damaged("its pages are not what the footer says")
    return pages, size


def _values(page: Struct, chunk: Chunk) -> int:
    """The number of values in a page; a page without data has none."""
    for number, encoding in ((5, 2), (8, 4)):  # the headers of data pages, in both versions
        if number in page.fields:
            data = page.struct(number)
            if chunk.text and data.integer(encoding, I32) == _DELTA_BYTE_ARRAY:
                raise RequestInvalid("Parquet: a column of text has the encoding DELTA_BYTE_ARRAY; write it as PLAIN")
            return data.integer(1, I32)
    return 0
