"""The names of graph outputs that mean something to a reader."""

from typing import Final, Literal

from pofx import bundle

LOG_PROB: Final = "log_prob"
"""Log p(x), or an estimate of a bound of it, in nats, (batch,)."""
EMBEDDING: Final = "embedding"
"""The code of an item, (batch, dims)."""
DIM_LOG_PROB: Final = "dim_log_prob"
"""The parts of log p(x) per dimension or position, (batch, …); they sum to it."""
RECONSTRUCTION_ERROR: Final = "reconstruction_error"
"""The parts of the statistic ``reconstruction`` per position, (batch, …); they sum to it."""

MapKind = Literal["dim_log_prob", "reconstruction_error"]

MAP_KINDS: tuple[MapKind, ...] = (DIM_LOG_PROB, RECONSTRUCTION_ERROR)
"""The names of such outputs, the one that explains most first."""


def map_kind(spec: bundle.Graph) -> MapKind | None:
    """What a score graph gives per dimension, None if there is nothing."""
    outputs = {item.name for item in spec.outputs}
    return next((kind for kind in MAP_KINDS if kind in outputs), None)


def golden_input(graph: str, array: str) -> str:
    """What the stored input of a graph is called among golden vectors."""
    return f"{graph}.in.{array}"


def golden_output(graph: str, array: str) -> str:
    """What the stored output of a graph is called among golden vectors."""
    return f"{graph}.out.{array}"
