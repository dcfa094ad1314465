"""Embeddings as JSON, npy, CSV or Parquet; the tables follow the columns of the table that was sent."""

import numpy as np

from pofx.graphs.loaded import LoadedModel
from pofx.kinds.columns import Columns, joined
from pofx.kinds.csv_text import encode_csv
from pofx.kinds.decoded import Decoded
from pofx.kinds.json_text import write_json
from pofx.kinds.npy import encode_npy
from pofx.kinds.parquet_if_there import encode_parquet
from pofx.rules.arrays import Array
from service.schemas.encode import EncodeAnswer

_BYTES_PER_NUMBER = 20
_PREFIX = "encode"


def size(embeddings: Array) -> int:
    """About how many bytes the answer has."""
    return embeddings.size * _BYTES_PER_NUMBER


def as_json(model: LoadedModel, embeddings: Array, decoded: Decoded) -> bytes:
    """The answer as text."""
    answer: EncodeAnswer = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        "dims": embeddings.shape[1],
        "embeddings": embeddings.tolist(),
        "notes": list(decoded.notes),
    }
    if decoded.files:
        answer["files"] = list(decoded.files)
    return write_json(answer)


def as_npy(embeddings: Array) -> bytes:
    """float32, shape (n, dims)."""
    return encode_npy(embeddings.astype(np.float32, copy=False))


def as_csv(own: Columns | None, embeddings: Array) -> bytes:
    """A line per item, after its own cells; numbers that are not finite stay empty."""
    return encode_csv(joined({} if own is None else own.cells(), _columns(embeddings), _PREFIX))


def as_parquet(own: Columns | None, embeddings: Array) -> bytes:
    """A row per item, after its own values."""
    return encode_parquet(joined({} if own is None else own.typed(), _columns(embeddings), _PREFIX))


def _columns(embeddings: Array) -> dict[str, Array]:
    """float32, (n,) each, called ``latent_0`` and so on."""
    columns = embeddings.astype(np.float32, copy=False).T
    return {f"latent_{index}": np.ascontiguousarray(values) for index, values in enumerate(columns)}
