"""Embeddings as JSON or npy."""

import numpy as np

from service.inference.graph import Array
from service.inference.model import Model
from service.payloads.array import encode_npy
from service.payloads.json_text import write_json
from service.schemas.encode import EncodeAnswer


def as_json(model: Model, embeddings: Array, notes: tuple[str, ...]) -> bytes:
    """The answer as text."""
    answer: EncodeAnswer = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        "dims": embeddings.shape[1],
        "embeddings": embeddings.tolist(),
        "notes": list(notes),
    }
    return write_json(answer)


def as_npy(embeddings: Array) -> bytes:
    """float32, shape (n, dims)."""
    return encode_npy(embeddings.astype(np.float32, copy=False))
