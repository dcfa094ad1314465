"""Writing a bundle: everything to a hidden sibling, fsynced, then one rename; so a version is whole or absent."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from pofx.bundle.errors import BundleExists
from pofx.bundle.manifest import SCHEMA_VERSION, FileEntry, Manifest, ManifestBody
from pofx.bundle.reader import MANIFEST_FILE, Bundle, read
from pofx.bundle.store import Store


def _accept(_: Bundle) -> None:
    """No check beyond those of ``read``."""


def write(
    store: Store,
    name: str,
    body: ManifestBody,
    files: Mapping[str, bytes],
    *,
    version: int | None = None,
    check: Callable[[Bundle], None] = _accept,
) -> Bundle:
    """The new bundle, read back and verified; the next free version unless one is given.

    Raises BundleExists for a version that is there, and whatever ``read`` or ``check`` refuses, before anything becomes
    visible.
    """
    version = version or max(store.versions(name), default=0) + 1
    folder = store.folder(name, version)
    if folder.exists():
        raise BundleExists(f"{name}:{version} is already in {store.root}; a version is never overwritten")
    manifest = _manifest(name, version, body, files)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=folder.parent))
    try:
        content = staging / name / str(version)  # named like the final place, so that it can be verified there
        content.mkdir(parents=True)
        for file_name, data in {**files, MANIFEST_FILE: _as_json(manifest)}.items():
            _write_durably(content / file_name, data)
        _sync_folder(content)
        check(read(content))
        _publish(content, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return read(folder)


def _manifest(name: str, version: int, body: ManifestBody, files: Mapping[str, bytes]) -> Manifest:
    entries = {
        file: FileEntry(size=len(data), sha256=hashlib.sha256(data).hexdigest()) for file, data in sorted(files.items())
    }
    head = {"schema_version": SCHEMA_VERSION, "name": name, "version": version}
    return Manifest.model_validate({**head, **body.model_dump(), "files": entries})


def _as_json(manifest: Manifest) -> bytes:
    return manifest.model_dump_json(indent=1).encode() + b"\n"


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _publish(content: Path, folder: Path) -> None:
    try:
        content.rename(folder)  # fails when another writer was first: a non-empty folder is never replaced
    except OSError as error:
        if folder.exists():
            raise BundleExists(f"{folder} appeared while it was being written") from error
        raise
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
