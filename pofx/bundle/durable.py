"""Files that are on the disk once a function has returned, whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_new(path: Path, data: bytes) -> None:
    """Writes a file that must not be there yet."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, data: bytes) -> None:
    """Writes a file in place of the one that may be there; a reader sees the old or the new content."""
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)  # mkstemp lets nobody else read, but a service may run as another user
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)  # noqa: PTH105 - a string and a path
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
