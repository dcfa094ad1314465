"""The names of graph outputs that mean something to a reader."""

from typing import Final, Literal

from pofx import bundle

LOG_PROB: Final = "log_prob"
"""Log p(x), or a bound of it, in nats, (batch,)."""
EMBEDDING: Final = "embedding"
"""The code of an item, (batch, dims)."""

MapKind = Literal["dim_log_prob", "reconstruction_error"]

MAP_KINDS: tuple[MapKind, ...] = ("dim_log_prob", "reconstruction_error")
"""The names of such outputs, the one that explains most first."""


def map_kind(spec: bundle.Graph) -> MapKind | None:
    """What a score graph gives per dimension, None if there is nothing."""
    outputs = {item.name for item in spec.outputs}
    return next((kind for kind in MAP_KINDS if kind in outputs), None)
