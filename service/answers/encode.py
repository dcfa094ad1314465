"""Embeddings as JSON, npy, CSV or Parquet; the tables follow the columns of the table that was sent."""

from typing import Any

import numpy as np

from pofx.graphs.loaded import LoadedModel
from pofx.kinds.columns import joined
from pofx.kinds.csv_text import encode_csv
from pofx.kinds.decoded import Decoded
from pofx.kinds.json_text import write_json
from pofx.kinds.npy import encode_npy
from pofx.kinds.parquet_if_there import encode_parquet
from pofx.rules.arrays import Array
from service.schemas.encode import EncodeAnswer

_BYTES_PER_NUMBER = 20
_PREFIX = "encode"
_MOST_REASONS = 20


def size(embeddings: Array) -> int:
    """About how many bytes the answer has."""
    return embeddings.size * _BYTES_PER_NUMBER


def notes(decoded: Decoded) -> tuple[str, ...]:
    """What is to be known about the items, and how many have no embedding, with the first reasons."""
    reasons = decoded.faults.reasons
    if not reasons:
        return decoded.notes
    some = [f"item {index}: {words}" for index, words in sorted(reasons.items())[:_MOST_REASONS]]
    return (*decoded.notes, f"{len(reasons)} of {len(decoded.array)} items are left out: see error", *some)


def as_json(model: LoadedModel, embeddings: Array, decoded: Decoded) -> bytes:
    """The answer as text."""
    sound = decoded.faults.sound(len(embeddings)).tolist()
    answer: EncodeAnswer = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        "dims": embeddings.shape[1],
        "embeddings": [row if there else None for row, there in zip(embeddings.tolist(), sound, strict=True)],
        "notes": list(notes(decoded)),
    }
    if decoded.files:
        answer["files"] = list(decoded.files)
    if decoded.faults.kept:
        answer["errors"] = decoded.faults.reasons_of(len(embeddings))
    return write_json(answer)


def as_npy(embeddings: Array) -> bytes:
    """float32, shape (n, dims); not a number where an item is left out."""
    return encode_npy(embeddings.astype(np.float32, copy=False))


def as_csv(decoded: Decoded, embeddings: Array) -> bytes:
    """A line per item, after its own cells; numbers that are not finite stay empty."""
    own = {} if decoded.columns is None else decoded.columns.cells()
    return encode_csv(joined(own, _columns(decoded, embeddings), _PREFIX))


def as_parquet(decoded: Decoded, embeddings: Array) -> bytes:
    """A row per item, after its own values."""
    own = {} if decoded.columns is None else decoded.columns.typed()
    return encode_parquet(joined(own, _columns(decoded, embeddings), _PREFIX))


def _columns(decoded: Decoded, embeddings: Array) -> dict[str, Any]:
    """float32, (n,) each, called ``latent_0`` and so on; then the errors where items keep them."""
    columns = embeddings.astype(np.float32, copy=False).T
    found: dict[str, Any] = {f"latent_{index}": np.ascontiguousarray(values) for index, values in enumerate(columns)}
    return found | ({"error": decoded.faults.reasons_of(len(embeddings))} if decoded.faults.kept else {})
