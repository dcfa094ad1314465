"""Arrays as npy files. Nothing is pickled, and the header is checked before the data."""

import ast
import io
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.kinds.decoded import Decoded
from pofx.kinds.faults import REFUSE, Errors, Faults
from pofx.kinds.place import Place, item
from pofx.kinds.row import columns_of, finite_rows
from pofx.kinds.text import check_codes
from pofx.rules.arrays import Array

_MAX_HEADER_BYTES = 4096
_ELEMENTS = {"image": "pixels", "audio": "samples", "text": "codes"}


@dataclass(frozen=True)
class NpyHeader:
    """What an npy file holds, and where its data starts, in bytes."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    offset: int


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

    def decode(self, spec: bundle.InputSpec, errors: Errors = "refuse") -> Decoded:
        """The items."""
        flat = np.frombuffer(self.content, self.header.dtype, offset=self.header.offset)
        array = flat.reshape(self.header.shape, order="F" if self.header.fortran_order else "C")
        return decoded_array(array, spec, item, errors)


def decoded_array(
    array: Array, spec: bundle.InputSpec, place: Callable[[int], Place] = item, errors: Errors = "refuse"
) -> Decoded:
    """Items as the model takes them, from an array of any number type; rows with their columns."""
    faults = Faults(errors)
    items = items_of(array, spec, place, faults)
    return Decoded(items, columns=columns_of(items, spec) if spec.kind == "row" else None, faults=faults)


def read_npy_header(content: bytes) -> NpyHeader:
    """The header of an npy file of versions 1 to 3; raises RequestInvalid."""
    try:
        wide = content[6] >= 2
        (length,) = struct.unpack_from("<I" if wide else "<H", content, 8)
        offset = (12 if wide else 10) + length
        if content[:6] != b"\x93NUMPY" or length > _MAX_HEADER_BYTES or offset > len(content):
            raise ValueError("no npy file")
        fields = ast.literal_eval(content[offset - length : offset].decode("latin1").strip())
        shape = tuple(map(int, fields["shape"]))
        header = NpyHeader(np.dtype(str(fields["descr"])), shape, bool(fields["fortran_order"]), offset)
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        struct.error,
        SyntaxError,
        MemoryError,
        RecursionError,
    ) as error:
        raise RequestInvalid("not an npy file with a plain number type") from error
    if header.dtype.kind not in "fiub" or min(shape, default=0) < 0 or not shape:
        raise RequestInvalid(f"expected an array of numbers with a batch axis, got {header.dtype} of shape {shape}")
    if len(content) - offset != math.prod(shape) * header.dtype.itemsize:
        raise RequestInvalid(
            f"npy: expected {math.prod(shape) * header.dtype.itemsize} bytes of data, got {len(content) - offset}"
        )
    return header


def items_of(
    array: Array, spec: bundle.InputSpec, place: Callable[[int], Place] = item, faults: Faults = REFUSE
) -> Array:
    """Items as the model takes them, without a copy where type and order allow it; raises RequestInvalid."""
    if spec.kind == "row":
        _check_shape(array, spec)
        return finite_rows(array, spec, place, faults)
    if spec.kind == "image" and array.ndim == 3 and spec.channels == 1:
        array = array[..., np.newaxis]  # (batch, height, width, 1)
    _check_shape(array, spec)
    if array.dtype != bundle.DATA_DTYPES[spec.kind]:
        raise RequestInvalid(
            f"expected {_ELEMENTS[spec.kind]} of type {bundle.DATA_DTYPES[spec.kind]}, got {array.dtype}"
        )
    if spec.kind == "text":
        check_codes(array, spec, place, faults)
    return np.ascontiguousarray(array)


def encode_npy(array: Array) -> bytes:
    """An npy file; structured types are fine, objects are not."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _check_shape(array: Array, spec: bundle.InputSpec) -> None:
    if array.shape[1:] != spec.shape:
        expected = ", ".join(map(str, spec.shape))
        raise RequestInvalid(
            f"expected an array of shape (n, {expected}), got {array.shape}",
            expected=["n", *spec.shape],
            got=list(array.shape),
        )
