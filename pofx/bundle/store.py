"""The store: a folder of bundles, ``<root>/<name>/<version>/``, and which version a name means."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pofx.bundle.durable import sync_folder
from pofx.bundle.errors import BundleNotFound, VersionInUse
from pofx.bundle.record import Record, locked, read_record, write_record

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Reference:
    """``name`` or ``name:version``; without a version the promoted one is meant, or else the latest."""

    name: str
    version: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reference written in a text; BundleNotFound if it cannot name any bundle."""
        name, colon, version = text.partition(":")
        if not _NAME.fullmatch(name) or (colon and not _VERSION.fullmatch(version)):
            raise BundleNotFound(f"expected name or name:version, got {text!r}")
        return cls(name, int(version) if colon else None)

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}:{self.version}"


@dataclass(frozen=True)
class Store:
    """Bundles by name and version below one folder."""

    root: Path

    def folder(self, name: str, version: int) -> Path:
        """Where that version lies or would lie."""
        return self.root / name / str(version)

    def names(self) -> list[str]:
        """All names with at least one version, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(path.name for path in self.root.iterdir() if self.versions(path.name))

    def versions(self, name: str) -> list[int]:
        """All versions of a name, ascending; empty for a name that is not there."""
        folder = self.root / name
        if not _NAME.fullmatch(name) or not folder.is_dir():
            return []
        return sorted(int(path.name) for path in folder.iterdir() if _VERSION.fullmatch(path.name) and path.is_dir())

    def next_version(self, name: str) -> int:
        """The number of the next version: one that was never used, also not by a version since removed."""
        return self.record(name).highest + 1

    def promoted(self, name: str) -> int | None:
        """The version that was promoted, if it is still there; without one the name means the latest."""
        version = read_record(self.root, name).promoted
        return version if version in self.versions(name) else None

    def meant(self, name: str) -> int:
        """The version that a bare name means; raises BundleNotFound."""
        return int(self.locate(Reference(name)).name)

    def locate(self, reference: Reference) -> Path:
        """The folder of a bundle, not yet read; BundleNotFound names what there is instead."""
        versions = self.versions(reference.name)
        if not versions:
            raise BundleNotFound(f"no model {reference.name!r} in {self.root}; there is: {', '.join(self.names())}")
        version = reference.version or self.promoted(reference.name) or versions[-1]
        if version not in versions:
            known = ", ".join(map(str, versions))
            raise BundleNotFound(f"no version {version} of {reference.name!r}; there is: {known}")
        return self.folder(reference.name, version)

    def promote(self, name: str, version: int) -> None:
        """Makes the bare name mean that version, whatever is written later; raises BundleNotFound."""
        with self._changing(Reference(name, version)) as record:
            meant = self.meant(name)
            if record.promoted == version:
                return
            before = record.before if meant == version else meant
            write_record(self.root, name, record.model_copy(update={"promoted": version, "before": before}))

    def rollback(self, name: str) -> int:
        """The version that the name means again: the one from before the latest promotion, which is now promoted.

        Goes back one step, once; raises BundleNotFound if there is none or it was removed.
        """
        with self._changing(Reference(name)) as record:
            if record.before is None:
                raise BundleNotFound(f"{name!r} meant no other version before; promote the version it shall mean")
            self.locate(Reference(name, record.before))
            write_record(self.root, name, record.model_copy(update={"promoted": record.before, "before": None}))
        return record.before

    def remove(self, name: str, version: int) -> None:
        """Removes a version, all at once for a reader; its number is never used again.

        Raises BundleNotFound, and VersionInUse for the promoted version.
        """
        with self._changing(Reference(name, version)) as record:
            if version == record.promoted:
                raise VersionInUse(f"{name}:{version} is promoted; promote another version of {name!r} first")
            left = {"before": None} if version == record.before else {}
            write_record(self.root, name, record.model_copy(update=left))
            hidden = self._hide(self.folder(name, version))
        shutil.rmtree(hidden)

    def record(self, name: str) -> Record:
        """What is remembered of a name, and what came into its folder by other ways."""
        return read_record(self.root, name).knowing(max(self.versions(name), default=0))

    @contextmanager
    def _changing(self, reference: Reference) -> Iterator[Record]:
        """The record of a name whose bundle is there, while nobody else changes it."""
        self.locate(reference)  # before the lock, which makes a folder
        with locked(self.root):
            self.locate(reference)
            yield self.record(reference.name)

    def _hide(self, folder: Path) -> Path:
        hidden = Path(tempfile.mkdtemp(prefix=".removed-", dir=folder.parent))
        folder.rename(hidden / folder.name)
        sync_folder(folder.parent)
        return hidden
