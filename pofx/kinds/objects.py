"""Items from what a Python program holds: arrays, tables, pictures, rows, texts, files' contents and paths."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pofx import bundle
from pofx.errors import MediaUnsupported
from pofx.kinds import files
from pofx.kinds.columns import Extra
from pofx.kinds.decoded import Decoded, named
from pofx.kinds.encoded_files import EncodedFiles
from pofx.kinds.faults import Errors, Faults
from pofx.kinds.item import Item
from pofx.kinds.json_items import JsonItems
from pofx.kinds.npy import decoded_array
from pofx.kinds.row import decode_named, unread_note
from pofx.kinds.words import takes
from pofx.rules.arrays import Array


def decoded(given: object, spec: bundle.InputSpec, extra: Extra = "refuse", errors: Errors = "refuse") -> Decoded:
    """The items in what was given, as the model takes them; raises RequestInvalid or MediaUnsupported.

    Arrays (batch, …) or one item of them; data frames and mappings from column to values; PIL images, contents of
    files, rows as mappings, texts, or sequences of these; a path, also as text unless the model takes texts.
    """
    if isinstance(given, np.ndarray):
        return _from_array(given, spec, errors)
    if spec.kind == "row" and (table := _columns_of(given)) is not None:
        return _from_columns(table, spec, extra, errors)
    if isinstance(given, Path) or (isinstance(given, str) and spec.kind != "text"):
        return files.read(Path(given), spec, extra=extra, errors=errors)
    if isinstance(given, str | bytes | Mapping | Image.Image):
        given = [given]
    if isinstance(given, Sequence) and len(given):
        return _from_sequence(given, spec, extra, errors)
    raise MediaUnsupported(f"{takes(spec)}; got {type(given).__name__}")


def _from_array(array: Array, spec: bundle.InputSpec, errors: Errors) -> Decoded:
    batch = array[np.newaxis] if array.shape == spec.shape else array
    return replace(decoded_array(batch, spec, errors=errors), columns=None)


def _from_columns(table: Mapping[str, Any], spec: bundle.RowSpec, extra: Extra, errors: Errors) -> Decoded:
    faults = Faults(errors)
    rows, columns, unread = decode_named(table, spec, extra, faults)
    return Decoded(rows, unread_note(unread), columns, faults=faults)


def _columns_of(given: object) -> Mapping[str, Any] | None:
    """Values by column of a data frame, an Arrow table, or a mapping to sequences; None for anything else."""
    if isinstance(given, Mapping):
        listed = [
            isinstance(values, Sequence | np.ndarray) and not isinstance(values, str) for values in given.values()
        ]
        return given if given and all(listed) else None
    names = getattr(given, "column_names", None) or getattr(given, "columns", None)
    if names is None or not hasattr(given, "__getitem__"):
        return None
    return {str(name): given[name].to_numpy() for name in names}


def _from_sequence(given: Sequence[Any], spec: bundle.InputSpec, extra: Extra, errors: Errors) -> Decoded:
    first = given[0]
    if isinstance(first, Image.Image):
        return EncodedFiles([_as_png(image) for image in given], "image").decode(spec, errors)
    if isinstance(first, bytes):
        return EncodedFiles(list(given)).decode(spec, errors)
    if isinstance(first, np.ndarray):
        return _from_array(np.stack(given), spec, errors)
    if isinstance(first, str) and spec.kind == "text":
        return JsonItems([Item(text=text) for text in given], 0).decode(spec, errors)
    if isinstance(first, Mapping) and spec.kind == "row":
        return JsonItems([Item(row=dict(row)) for row in given], 0, extra).decode(spec, errors)
    if isinstance(first, list | tuple) and spec.kind == "row" and errors == "row":
        return JsonItems([Item(array=list(row)) for row in given], 0).decode(spec, errors)
    if isinstance(first, Path) or (isinstance(first, str) and spec.kind in ("image", "audio")):
        return _one_after_the_other([files.read(Path(path), spec, extra=extra, errors=errors) for path in given])
    return _from_array(np.asarray(given), spec, errors)


def _one_after_the_other(parts: Sequence[Decoded]) -> Decoded:
    """The items of several files; their names where all hold items that have one."""
    faults, first = Faults(parts[0].faults.errors), 0
    for part in parts:
        moved = part.faults.shifted(first)
        faults.wrong.update(moved.wrong)
        faults.unseen.update(moved.unseen)
        first += len(part.array)
    notes = tuple(note for part in parts for note in part.notes)
    found = Decoded(np.concatenate([part.array for part in parts]), notes, faults=faults)
    return named(found, tuple(name for part in parts for name in part.files)) if all(p.files for p in parts) else found


def _as_png(image: Image.Image) -> bytes:
    """The file of a picture, so that it is read by the rules by which any file is."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
