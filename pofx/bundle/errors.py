"""What can be wrong with a bundle or a store.

BundleError
├── BundleNotFound      no such name or version in the store
├── BundleExists        that version is already there; versions are immutable
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


class _FileRefused(BundleError):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class BundleCorrupt(_FileRefused):
    """A file is missing, unlisted, linked, or differs from its checksum."""


class BundleUnsupported(_FileRefused):
    """A manifest of another schema, or a graph that reaches outside its own file."""
