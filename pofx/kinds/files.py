"""Items of files and folders of one's own, in blocks, so that any number of them takes little memory.

Such files are trusted; what others send to a service is read by the payloads of the single media types.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, assert_never

import numpy as np

from pofx import bundle
from pofx.errors import MediaUnsupported, PofxError, RequestInvalid
from pofx.kinds import folder, text_lines
from pofx.kinds.audio import Cut, beginning, decode_wav
from pofx.kinds.columns import Extra
from pofx.kinds.csv_text import csv_blocks
from pofx.kinds.decoded import Decoded, Single, named, stacked
from pofx.kinds.encodings import is_parquet, opened_text
from pofx.kinds.faults import Errors
from pofx.kinds.image import decode_image, own
from pofx.kinds.npy import decoded_array
from pofx.kinds.parquet_if_there import library
from pofx.kinds.place import Place, items_from
from pofx.kinds.words import reads
from pofx.rules.arrays import Array

ROWS = 65_536
IMAGES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"))
RECORDINGS = frozenset((".wav", ".wave"))
_BLOCK_BYTES = 64 * 1024 * 1024
_CSV_ROWS = 8192  # every cell is an object at first: larger blocks take twice the time, outside of the caches
_ARRAY = "x"
_ARRAYS = (".npy", ".npz")
_OTHERS = {"row": (".csv", ".parquet"), "text": (".txt",), "image": (), "audio": ()}
_WORKBOOKS = (".xlsx", ".xls")
_NO_TABLES = (*_ARRAYS, *IMAGES, *RECORDINGS, *_WORKBOOKS, ".zip")
_ENCODED = "encoded"  # images or recordings: a file, a folder or a zip


@dataclass(frozen=True)
class _How:
    """How items are read, whatever form they are kept in."""

    extra: Extra
    errors: Errors
    cut: Cut = beginning


@dataclass(frozen=True)
class Block:
    """Consecutive items of a file or folder, and the index of the first."""

    decoded: Decoded
    first: int


def blocks(
    path: Path,
    spec: bundle.InputSpec,
    *,
    extra: Extra = "keep",
    rows: int = ROWS,
    errors: Errors = "refuse",
    cut: Cut = beginning,
) -> Iterator[Block]:
    """The items in blocks of at most that many and of bounded memory; raises a PofxError that names file and item.

    CSV, Parquet, npy, npz (array x, or the only one), lines of a text, or a single image or WAV file, a folder or a zip
    of them, in order of their names. Recordings that are longer than the model's are ``cut``.
    """
    first, how = 0, _How(extra, errors, cut)
    with naming(path):
        for decoded in _parts(path, spec, _within_memory(rows, spec), how):
            yield Block(decoded, first)
            first += len(decoded.array)


def read(path: Path, spec: bundle.InputSpec, *, extra: Extra = "refuse", errors: Errors = "refuse") -> Decoded:
    """All items at once; raises a PofxError that names file and item."""
    with naming(path):
        (decoded,) = _parts(path, spec, None, _How(extra, errors))
        return named(decoded, decoded.files) if decoded.files else decoded


def count(path: Path, spec: bundle.InputSpec) -> int | None:
    """The number of items, None where only reading all of the file would tell it."""
    with naming(path):
        form = _form(path, spec)
        if form == ".npy":
            return len(_array(path))
        if form == ".parquet":
            rows: int = library().count_rows(path)
            return rows
        if form == _ENCODED:
            with folder.opened(path) as found:
                return len(encoded(found, spec).names)
        return None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors within say which file they are about."""
    try:
        yield
    except PofxError as error:
        raise type(error)(f"{path}: {error.detail}", **error.extra) from error
    except OSError as error:
        raise RequestInvalid(f"{path}: {error.strerror or error}") from error


def _within_memory(rows: int, spec: bundle.InputSpec) -> int:
    """At most that many items, fewer where they are large."""
    item_bytes = int(np.prod(spec.shape)) * np.dtype(bundle.DATA_DTYPES[spec.kind]).itemsize
    return min(rows, max(1, _BLOCK_BYTES // item_bytes))


def _form(path: Path, spec: bundle.InputSpec) -> str:
    """The suffix of files in which items are kept so; that of a table is told by its first bytes.

    Raises MediaUnsupported where such a model does not take them so.
    """
    if not path.exists():
        raise RequestInvalid("no such file or folder")
    suffix = path.suffix.lower()
    if spec.kind == "row" and suffix not in _NO_TABLES and path.is_file():
        return ".parquet" if suffix == ".parquet" or is_parquet(path) else ".csv"
    if suffix in (*_ARRAYS, *_OTHERS[spec.kind]):
        return suffix
    if _OTHERS[spec.kind]:
        workbook = "; save the Excel workbook as 'CSV UTF-8'" if suffix in _WORKBOOKS else ""
        raise MediaUnsupported(reads(spec) + workbook)
    return _ENCODED


def _parts(path: Path, spec: bundle.InputSpec, rows: int | None, how: _How) -> Iterator[Decoded]:
    """Items in parts of that many, or all in one."""
    form = _form(path, spec)
    if form in _ARRAYS:
        return _array_parts(path, spec, rows, how.errors)
    match spec:
        case bundle.RowSpec():
            return _table_parts(path, spec, rows, how)
        case bundle.TextSpec():
            return _line_parts(path, spec, rows, how.errors)
        case bundle.ImageSpec() | bundle.AudioSpec():
            return _file_parts(path, spec, rows, how)
        case _:
            assert_never(spec)


def _table_parts(path: Path, spec: bundle.RowSpec, rows: int | None, how: _How) -> Iterator[Decoded]:
    if _form(path, spec) == ".parquet":
        yield from library().parquet_blocks(path, spec, how.extra, rows, how.errors)
        return
    with opened_text(path) as lines:
        yield from csv_blocks(lines, spec, how.extra, rows and min(rows, _CSV_ROWS), how.errors)


def _line_parts(path: Path, spec: bundle.TextSpec, rows: int | None, errors: Errors) -> Iterator[Decoded]:
    with opened_text(path, "\n") as lines:
        yield from text_lines.text_blocks(lines, spec, rows, errors)


def _array_parts(path: Path, spec: bundle.InputSpec, rows: int | None, errors: Errors) -> Iterator[Decoded]:
    array = _array(path)
    for first in _firsts(len(array), rows):
        part = array[first : first + rows] if rows else array
        yield decoded_array(part, spec, items_from(first), errors)


def _array(path: Path) -> Array:
    """The array of an npy file, not yet in memory, or of an archive; raises RequestInvalid."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        array: Array = found if isinstance(found, np.ndarray) else _in_archive(found)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RequestInvalid(f"expected a plain array in npy or npz format: {error}") from error
    if array.ndim == 0 or array.dtype.kind not in "fiub":
        raise RequestInvalid(f"expected an array of numbers with a batch axis, got {array.dtype} of {array.shape}")
    return array


def _in_archive(archive: Any) -> Array:
    """The array x of an npz archive, or the only one."""
    with archive:
        name = archive.files[0] if len(archive.files) == 1 else _ARRAY
        if name not in archive.files:
            raise RequestInvalid(f"no array {_ARRAY!r}; there is: {', '.join(archive.files)}")
        array: Array = archive[name]
        return array


def _file_parts(
    path: Path, spec: bundle.ImageSpec | bundle.AudioSpec, rows: int | None, how: _How
) -> Iterator[Decoded]:
    with folder.opened(path) as found:
        files = encoded(found, spec)
        for first in _firsts(len(files.names), rows):
            names = files.names[first : first + rows] if rows else files.names
            part = _stacked_files(files, names, first, spec, how)
            notes = part.notes if first else (*files.notes, *part.notes)
            yield replace(part, notes=notes, files=names)


def encoded(found: folder.Folder, spec: bundle.InputSpec) -> folder.Folder:
    """The images or recordings among files; raises MediaUnsupported if there are none."""
    files = found.of(IMAGES if spec.kind == "image" else RECORDINGS)
    if not files.names:
        raise MediaUnsupported(reads(spec))
    return files


def _stacked_files(
    files: folder.Folder,
    names: tuple[str, ...],
    first: int,
    spec: bundle.ImageSpec | bundle.AudioSpec,
    how: _How,
) -> Decoded:
    def place(index: int) -> Place:
        return Place(names[index], f"/inputs/{first + index}", first + index)

    def item(index: int) -> Single:
        return _file(files.read(names[index]), spec, place(index), how.cut)

    return stacked(len(names), item, spec, place, how.errors)


def _file(content: bytes, spec: bundle.ImageSpec | bundle.AudioSpec, place: Place, cut: Cut) -> Single:
    if spec.kind == "image":
        return decode_image(content, spec, place, own())
    return decode_wav(content, spec, place, cut=cut)


def _firsts(items: int, rows: int | None) -> range:
    """The index of the first item of every part; raises RequestInvalid if there is no item."""
    if items == 0:
        raise RequestInvalid("expected at least one item", pointer="/inputs")
    return range(0, items, rows or items)
