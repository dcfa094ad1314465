"""Files of a folder or a zip archive."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from training.errors import DataError


def named_files(path: Path, what: str) -> Iterator[tuple[str, bytes]]:
    """Name below the folder or in the archive, with slashes, and content of every file; ``what`` they are, for people.

    DataError if it is neither.
    """
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file():
                yield file.relative_to(path).as_posix(), file.read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not name.endswith("/"):
                    yield name, archive.read(name)
    elif not path.exists():
        raise DataError(f"{path} is not there; expected a folder or a zip archive of {what}")
    else:
        raise DataError(f"{path}: expected a folder or a zip archive of {what}")
