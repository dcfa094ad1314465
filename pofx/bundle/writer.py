"""Writing a bundle: everything to a hidden sibling, fsynced, then one rename; so a version is whole or absent."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from pofx.bundle.durable import sync_folder, write_new
from pofx.bundle.errors import BundleExists
from pofx.bundle.manifest import SCHEMA_VERSION, FileEntry, Manifest, ManifestBody
from pofx.bundle.reader import MANIFEST_FILE, Bundle, read
from pofx.bundle.record import locked, write_record
from pofx.bundle.store import Store


def _accept(_: Bundle) -> None:
    """No check beyond those of ``read``."""


def write(
    store: Store,
    name: str,
    body: ManifestBody,
    files: Mapping[str, bytes],
    *,
    check: Callable[[Bundle], None] = _accept,
) -> Bundle:
    """The new bundle, read back and verified, as the next version.

    Raises whatever ``read`` or ``check`` refuses before anything becomes visible. Of two writers to a store one waits.
    """
    with locked(store.root):
        version = store.next_version(name)
        folder = store.folder(name, version)
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=folder.parent))
        try:
            content = _stage(staging, _manifest(name, version, body, files), files)
            check(read(content))
            write_record(store.root, name, store.record(name).knowing(version))  # first, so that no crash forgets it
            _publish(content, folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return read(folder)


def _stage(staging: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Path:
    """A folder with all files, on the disk."""
    content = staging / manifest.name / str(manifest.version)  # named like the final place, to be verified there
    content.mkdir(parents=True)
    for file_name, data in {**files, MANIFEST_FILE: _as_json(manifest)}.items():
        write_new(content / file_name, data)
    sync_folder(content)
    return content


def _manifest(name: str, version: int, body: ManifestBody, files: Mapping[str, bytes]) -> Manifest:
    entries = {
        file: FileEntry(size=len(data), sha256=hashlib.sha256(data).hexdigest()) for file, data in sorted(files.items())
    }
    head = {"schema_version": SCHEMA_VERSION, "name": name, "version": version}
    return Manifest.model_validate({**head, **body.model_dump(), "files": entries})


def _as_json(manifest: Manifest) -> bytes:
    return manifest.model_dump_json(indent=1).encode() + b"\n"


def _publish(content: Path, folder: Path) -> None:
    try:
        content.rename(folder)  # fails when another writer was first: a non-empty folder is never replaced
    except OSError as error:
        if folder.exists():
            raise BundleExists(f"{folder} appeared while it was being written") from error
        raise
    sync_folder(folder.parent)
