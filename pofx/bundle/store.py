"""The store: a folder of bundles, ``<root>/<name>/<version>/``."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pofx.bundle.errors import BundleNotFound

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Reference:
    """``name`` or ``name:version``; without a version the latest one is meant."""

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

    def locate(self, reference: Reference) -> Path:
        """The folder of a bundle, not yet read; BundleNotFound names what there is instead."""
        versions = self.versions(reference.name)
        if not versions:
            raise BundleNotFound(f"no model {reference.name!r} in {self.root}; there is: {', '.join(self.names())}")
        version = versions[-1] if reference.version is None else reference.version
        if version not in versions:
            known = ", ".join(map(str, versions))
            raise BundleNotFound(f"no version {version} of {reference.name!r}; there is: {known}")
        return self.folder(reference.name, version)
