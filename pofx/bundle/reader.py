"""Reading a bundle: the manifest first, then every file against its checksum, before anything is interpreted."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pofx.bundle.errors import BundleCorrupt, BundleUnsupported
from pofx.bundle.manifest import SCHEMA_VERSION, Manifest
from pofx.bundle.onnx_guard import has_external_data
from pofx.bundle.upgrade import upgraded

MANIFEST_FILE = "manifest.json"
READABLE = (1, SCHEMA_VERSION)
_MAX_MANIFEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk."""

    folder: Path
    manifest: Manifest

    def read_bytes(self, name: str) -> bytes:
        """The content of a listed file, checked once more against its checksum, so that what is used is what was
        verified. Raises BundleCorrupt.
        """
        path = self.folder / name
        if name not in self.manifest.files:
            raise BundleCorrupt(path, "not listed in the manifest")
        return _checked_content(path, self.manifest.files[name].size, self.manifest.files[name].sha256)


def read(folder: Path) -> Bundle:
    """The bundle in a folder, every file verified; BundleCorrupt and BundleUnsupported name file and reason."""
    if folder.is_symlink():
        raise BundleCorrupt(folder, "is a link; a bundle must be a real folder")
    bundle = Bundle(folder, _read_manifest(folder / MANIFEST_FILE))
    _check_place(bundle)
    _check_listing(bundle)
    for name in bundle.manifest.files:
        content = bundle.read_bytes(name)
        if name.endswith(".onnx"):
            _check_graph_is_self_contained(folder / name, content)
    return bundle


def _read_manifest(path: Path) -> Manifest:
    if path.is_symlink() or not path.is_file():
        raise BundleCorrupt(path, "missing, or not a regular file")
    if path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise BundleCorrupt(path, f"larger than {_MAX_MANIFEST_BYTES} bytes")
    try:
        content = json.loads(path.read_bytes())
        schema_version = content["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BundleCorrupt(path, f"not a manifest: {error!r}") from error
    if schema_version not in READABLE:
        raise BundleUnsupported(
            path,
            f"schema version {schema_version!r}, this software reads {', '.join(map(str, READABLE))}: upgrade it or "
            "export again",
        )
    if schema_version == 1:
        content = upgraded(content)
    try:
        return Manifest.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise BundleCorrupt(path, f"{where}: {first['msg']}") from error


def _check_place(bundle: Bundle) -> None:
    """A bundle says its own name and version; a folder moved or renamed by hand would answer under a wrong one."""
    expected = Path(bundle.manifest.name) / str(bundle.manifest.version)
    actual = Path(bundle.folder.absolute().parent.name) / bundle.folder.name
    if actual != expected:
        raise BundleCorrupt(bundle.folder / MANIFEST_FILE, f"says it is {expected}, but lies in {actual}")


def _check_listing(bundle: Bundle) -> None:
    with os.scandir(bundle.folder) as entries:
        found = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
    found.pop(MANIFEST_FILE)
    for name, is_regular_file in found.items():
        if not is_regular_file:
            raise BundleCorrupt(bundle.folder / name, "is a link or a folder; only regular files are allowed")
        if name not in bundle.manifest.files:
            raise BundleCorrupt(bundle.folder / name, "not listed in the manifest")
    for name in bundle.manifest.files:
        if name not in found:
            raise BundleCorrupt(bundle.folder / name, "listed in the manifest but missing")


def _checked_content(path: Path, size: int, sha256: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise BundleCorrupt(path, f"cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        actual_size = os.fstat(file.fileno()).st_size
        if actual_size != size:
            raise BundleCorrupt(path, f"expected {size} bytes, got {actual_size}")
        content = file.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BundleCorrupt(path, "SHA-256 differs from the manifest")
    return content


def _check_graph_is_self_contained(path: Path, content: bytes) -> None:
    try:
        external = has_external_data(content)
    except ValueError as error:
        raise BundleCorrupt(path, str(error)) from error
    if external:
        raise BundleUnsupported(path, "refers to external data; export the weights inside the file")
