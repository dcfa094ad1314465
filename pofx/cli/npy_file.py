"""An npy file that rows are appended to; how many they are is written at the end."""

from pathlib import Path

import numpy as np

from pofx.rules.arrays import Array


class NpyRows:
    """Rows of numbers, float32 (rows, dims)."""

    def __init__(self, path: Path, dims: int) -> None:
        self._file = path.open("wb")
        self._rows, self._dims = 0, dims
        self._header()

    def append(self, rows: Array) -> None:
        """Appends rows of shape (n, dims)."""
        self._file.write(np.ascontiguousarray(rows, np.float32).tobytes())
        self._rows += len(rows)

    def close(self) -> None:
        """Ends the file."""
        self._file.seek(0)
        self._header()
        self._file.close()

    def _header(self) -> None:
        """The header, which NumPy pads so that the number of rows can be changed in place."""
        told = {"descr": "<f4", "fortran_order": False, "shape": (self._rows, self._dims)}
        np.lib.format.write_array_header_1_0(self._file, told)
