"""What can be wrong with a bundle or a store.

BundleError
├── BundleNotFound      no such name or version in the store
├── BundleExists        that version is already there; versions are immutable
├── VersionInUse        the promoted version cannot be removed
├── RecordDamaged       what the store remembers of a name cannot be read
├── BundleCorrupt       the files are not the ones the manifest vouches for
└── BundleUnsupported   a manifest or graph this software must not or cannot load
"""

from pathlib import Path


class BundleError(Exception):
    """Base of everything this package raises on purpose."""


class BundleNotFound(BundleError):
    """No bundle of that name or version is in the store."""


class BundleExists(BundleError):
    """The version to be written is already in the store."""


class VersionInUse(BundleError):
    """The version is the one that the name means by promotion."""


class _FileRefused(BundleError):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class RecordDamaged(_FileRefused):
    """The file in which a store remembers the versions of a name is not one."""


class BundleCorrupt(_FileRefused):
    """A file is missing, unlisted, linked, or differs from its checksum."""


class BundleUnsupported(_FileRefused):
    """A manifest of another schema, or a graph that reaches outside its own file."""
