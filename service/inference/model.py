"""A model ready to serve: a verified bundle whose graphs are loaded, wired and self-tested."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import bundle
from service.inference.rows import RowGraph


@dataclass(frozen=True, eq=False)
class Model:
    """``calibration`` holds the sorted held-out values of every statistic, each of shape (n,)."""

    source: bundle.Bundle
    digest: str
    graphs: Mapping[str, RowGraph]
    calibration: Mapping[str, NDArray[np.float64]]

    @property
    def manifest(self) -> bundle.Manifest:
        """What the bundle says about itself."""
        return self.source.manifest


@dataclass(frozen=True)
class Refused:
    """A bundle that is in the store but not served, and why; ``files`` is what its folder held then."""

    name: str
    version: int
    reason: str
    files: frozenset[tuple[str, int, int]] = frozenset()
