"""MNIST: 60,000 + 10,000 grey images 28×28 in the idx format, downloaded once and verified.

Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"; CC BY-SA 3.0.
"""

import gzip
import hashlib
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from training.data.dataset import Dataset
from training.errors import DataError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# Of the content without its gzip wrapping, which mirrors pack differently.
SHA256 = {
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_NAMES = tuple(str(digit) for digit in range(10))
_DTYPES = {8: np.uint8}
_TIMEOUT_S = 60


def load(folder: Path) -> Dataset:
    """MNIST from a folder with the four idx files, gzipped or not."""
    train = _part(folder, "train")
    return Dataset(
        x=train[0],
        labels=train[1],
        label_names=_NAMES,
        source="MNIST",
        licence="CC BY-SA 3.0 (LeCun, Cortes, Burges)",
        test=_as_test(_part(folder, "t10k")),
    )


def download(folder: Path, say: Callable[[str], None]) -> None:
    """Fetches what is missing in the folder and verifies it; files that are there and whole are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sha256 in SHA256.items():
        if (folder / name).exists() and _digest((folder / name).read_bytes()) == sha256:
            say(f"{name}: already there, verified")
            continue
        content = _fetch(name, sha256, folder)
        partial = folder / f".{name}.partial"
        partial.write_bytes(content)
        partial.replace(folder / name)
        say(f"{name}: downloaded, verified")


def _fetch(name: str, sha256: str, folder: Path) -> bytes:
    failures = []
    for mirror in MIRRORS:
        try:
            with urllib.request.urlopen(mirror + name, timeout=_TIMEOUT_S) as response:  # noqa: S310 - fixed https addresses
                content: bytes = response.read()
        except OSError as error:
            failures.append(f"{mirror}: {error}")
            continue
        if _digest(content) == sha256:
            return content
        failures.append(f"{mirror}: SHA-256 differs")
    raise DataError(f"cannot download {name} ({'; '.join(failures)}); put the file into {folder} by hand and try again")


def _digest(gzipped: bytes) -> str:
    try:
        return hashlib.sha256(gzip.decompress(gzipped)).hexdigest()
    except (OSError, EOFError, zlib.error):
        return "damaged"


def _part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    images = read_idx(_find(folder, f"{part}-images-idx3-ubyte"))
    labels = read_idx(_find(folder, f"{part}-labels-idx1-ubyte"))
    if images.ndim != 3 or len(images) != len(labels):
        raise DataError(f"{folder}: {part} has images of shape {images.shape} and {len(labels)} labels")
    return images[..., None], labels.astype(np.int64)


def _as_test(part: tuple[np.ndarray, np.ndarray]) -> Dataset:
    return Dataset(part[0], "MNIST test", "CC BY-SA 3.0", part[1], _NAMES)


def _find(folder: Path, stem: str) -> Path:
    for path in (folder / f"{stem}.gz", folder / stem):
        if path.is_file():
            return path
    raise DataError(f"{folder / stem}.gz is not there; `pofx data mnist` downloads and verifies it")


def read_idx(path: Path) -> np.ndarray:
    """The array in an idx file of unsigned bytes."""
    content = path.read_bytes()
    try:
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _DTYPES:
        raise DataError(f"{path}: not an idx file of unsigned bytes")
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, 4).astype(int)
    data = np.frombuffer(content, _DTYPES[content[2]], offset=4 + 4 * axes)
    if data.size != shape.prod():
        raise DataError(f"{path}: expected {shape.prod()} values, got {data.size}; the file is truncated")
    return data.reshape(shape)
