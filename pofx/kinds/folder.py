"""The files of a folder, of a zip archive, or a single one, by name; their contents are read one by one."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folder:
    """Names of files in order, with slashes, and how to read one."""

    names: tuple[str, ...]
    read: Callable[[str], bytes]

    def of(self, suffixes: frozenset[str]) -> "Folder":
        """Those whose names end so, in any case of letters."""
        return Folder(tuple(name for name in self.names if Path(name).suffix.lower() in suffixes), self.read)


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    """All files below a folder or in a zip archive; any other file is alone."""
    if path.is_dir():
        names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
        yield Folder(tuple(names), lambda name: (path / name).read_bytes())
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if not name.endswith("/"))
            yield Folder(tuple(names), archive.read)
    else:
        yield Folder((path.name,), lambda _: path.read_bytes())
