"""Parquet where the library for it is installed; without it, a refusal that says what to install."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from pofx.errors import MediaUnsupported
from pofx.kinds.columns import Extra
from pofx.kinds.decoded import Payload


def parse_parquet(content: bytes, extra: Extra) -> Payload:
    """A table as Parquet file whose footer has been checked; raises MediaUnsupported."""
    payload: Payload = library().ParquetFile.parse(content, extra)
    return payload


def encode_parquet(columns: Mapping[str, Any]) -> bytes:
    """A Parquet file; raises MediaUnsupported."""
    content: bytes = library().encode_parquet(columns)
    return content


def library() -> ModuleType:
    """The module that reads and writes Parquet; raises MediaUnsupported."""
    try:
        from pofx.kinds import parquet  # pyarrow is optional, and slow to import
    except ModuleNotFoundError as error:
        raise MediaUnsupported(
            "this service reads and writes no Parquet: it was installed without the extra 'parquet' (pyarrow)"
        ) from error
    return parquet
