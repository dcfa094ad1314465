"""The files of a folder, of a zip archive, or a single one, by name; their contents are read one by one.

Names are in the Unicode form in which they are typed (NFC), whatever form a file system keeps. What is hidden or a
system's, and the masks beside pictures, are no items; ``Folder.notes`` says how many files that were.
"""

import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pofx.errors import RequestInvalid
from pofx.rules.groups import called

T = TypeVar("T")

_SYSTEM = frozenset(("__macosx", "@eadir", "#recycle", "$recycle.bin", "thumbs.db", "desktop.ini"))
_MASKS = "ground_truth"  # of MVTec AD and data laid out like it: where a picture differs, no picture
_MARKED_UTF_8 = 0x800


@dataclass(frozen=True)
class Folder:
    """Names of files in order, with slashes, and how to read one; ``left_out`` are the names of no items."""

    names: tuple[str, ...]
    read: Callable[[str], bytes]
    left_out: tuple[str, ...] = ()

    def of(self, suffixes: frozenset[str]) -> "Folder":
        """Those whose names end so, in any case of letters; raises RequestInvalid for a name that is no text."""
        names, left_out = (
            tuple(name for name in names if PurePosixPath(name).suffix.lower() in suffixes)
            for names in (self.names, self.left_out)
        )
        for name in names:
            _check_text(name)
        return Folder(names, self.read, left_out)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not read, in a line, if anything was not."""
        if not self.left_out:
            return ()
        reasons = Counter(map(_reason, self.left_out))
        listed = ", ".join(f"{count} by {reason}" for reason, count in sorted(reasons.items()))
        return (f"not read, being hidden, a system's, or masks: {len(self.left_out)} files ({listed})",)


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    """All files below a folder or in a zip archive; any other file is alone. Raises RequestInvalid for its names."""
    if path.is_dir():
        files = ((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file())
        yield _folder(files, Path.read_bytes)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = ((_name_in_archive(member), member) for member in archive.infolist() if not member.is_dir())
            yield _folder(members, archive.read)
    else:
        yield Folder((path.name,), lambda _: path.read_bytes())


def sub_folder(name: str) -> str:
    """The innermost folder of a file, which is its label where nothing else says one; empty where it is in none."""
    return PurePosixPath(name).parent.name


def top_folder(name: str) -> str:
    """The outermost folder of a file below where the items are; empty where it is in none."""
    parents = PurePosixPath(name).parent.parts
    return parents[0] if parents else ""


GROUPS_BY_FOLDER: Mapping[str, Callable[[str], str]] = {"folder": sub_folder, "top-folder": top_folder}
"""The group of a file, by the words that ask for it."""

GROUPED_BY: Mapping[str, str] = {"folder": "folders", "top-folder": "outermost folders"}
"""What such groups are, for people."""


def grouped_by(group: str | None) -> str:
    """What groups are that one of these words, or the column of a table, tells; for people."""
    return GROUPED_BY.get(group or "", called("column", group))


def sub_folder_notes(names: Iterable[str]) -> tuple[str, ...]:
    """What may surprise about such labels, in a line: several folders of one label, more levels than one, no folder."""
    folders: dict[str, dict[str, int]] = {}
    for name in names:
        parents = folders.setdefault(sub_folder(name), {})
        parent = PurePosixPath(name).parent.as_posix()
        parents[parent] = parents.get(parent, 0) + 1
    rootless = sum(folders.pop("", {}).values())
    if not folders:
        return ()
    surprises = [
        *(f"{label!r} is of {' and '.join(parents)}" for label, parents in folders.items() if len(parents) > 1),
        *([f"{rootless} files are in no folder and have an empty label"] if rootless else []),
    ]
    if not surprises and all("/" not in parent for parents in folders.values() for parent in parents):
        return ()
    words = "; ".join(surprises[:4]) or "the tree has more than one level"
    more = f"; and {len(surprises) - 4} more" if len(surprises) > 4 else ""
    return (f"labels are the names of the innermost folders: {words}{more}",)


def _folder(files: Iterable[tuple[str, T]], read: Callable[[T], bytes]) -> Folder:
    found: dict[str, T] = {}
    for name, file in files:
        typed = unicodedata.normalize("NFC", name)
        if typed in found and _reason(typed) is None:
            raise RequestInvalid(f"two files have the name {typed!r} (in two Unicode forms, or twice); rename one")
        found[typed] = file
    names = sorted(found)
    items = tuple(name for name in names if _reason(name) is None)
    left_out = tuple(name for name in names if _reason(name) is not None)
    return Folder(items, lambda name: read(found[name]), left_out)


def _reason(name: str) -> str | None:
    """The part of a name for which the file is no item; None for an item."""
    *folders, file = PurePosixPath(name).parts
    for part in folders:
        if part.startswith(".") or part.lower() in _SYSTEM or part.lower() == _MASKS:
            return f"{part}/"
    if file.startswith("."):
        return "._*" if file.startswith("._") else ".*"
    return file if file.lower() in _SYSTEM else None


def _name_in_archive(member: zipfile.ZipInfo) -> str:
    """The name with slashes; programs that do not mark names as UTF-8 may still write them so."""
    name = member.filename.replace("\\", "/")
    if name.isascii() or member.flag_bits & _MARKED_UTF_8:
        return name
    try:
        return name.encode("cp437").decode()
    except UnicodeError as error:
        raise RequestInvalid(
            f"the archive has a name that is not UTF-8 ({name!r}, perhaps CP949); pack it again with names in UTF-8, "
            "or unpack it into a folder"
        ) from error


def _check_text(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise RequestInvalid(
            f"a file's name is not UTF-8: {name!r}; rename it, as `convmv -f cp949 -t utf-8 --notest -r .` does"
        ) from error
