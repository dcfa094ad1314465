"""The folder or zip archive that a recipe names."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pofx.errors import RequestInvalid
from pofx.kinds import folder
from training.errors import DataError


@contextmanager
def opened(path: Path, what: str) -> Iterator[folder.Folder]:
    """Its files; ``what`` they are, for people. DataError if it is neither a folder nor a zip archive."""
    if not path.exists():
        raise DataError(f"{path} is not there; expected a folder or a zip archive of {what}")
    if not path.is_dir() and not zipfile.is_zipfile(path):
        raise DataError(f"{path}: expected a folder or a zip archive of {what}")
    try:
        with folder.opened(path) as found:
            yield found
    except RequestInvalid as error:
        raise DataError(f"{path}: {error.detail}") from error
