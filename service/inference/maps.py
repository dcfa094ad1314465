"""Which outputs of a score graph say something about every dimension of an item."""

from typing import Literal

import bundle

MapKind = Literal["dim_log_prob", "reconstruction_error"]

MAP_KINDS: tuple[MapKind, ...] = ("dim_log_prob", "reconstruction_error")
"""The names of such outputs, the one that explains most first."""


def map_kind(spec: bundle.Graph) -> MapKind | None:
    """What a score graph gives per dimension, None if there is nothing."""
    outputs = {item.name for item in spec.outputs}
    return next((kind for kind in MAP_KINDS if kind in outputs), None)
