"""A model ready to serve: a verified bundle whose graphs are loaded, wired and self-tested."""

from collections.abc import Mapping
from dataclasses import dataclass

import bundle
from service.inference.held_out import HeldOut, Values
from service.inference.rows import RowGraph


@dataclass(frozen=True, eq=False)
class Model:
    """``held_out`` is what the p-values of its score compare with."""

    source: bundle.Bundle
    digest: str
    graphs: Mapping[str, RowGraph]
    held_out: HeldOut

    @property
    def manifest(self) -> bundle.Manifest:
        """What the bundle says about itself."""
        return self.source.manifest

    @property
    def calibration(self) -> Values:
        """The sorted values of all calibration items."""
        return self.held_out.values


@dataclass(frozen=True)
class Refused:
    """A bundle that is in the store but not served, and why; ``files`` is what its folder held then."""

    name: str
    version: int
    reason: str
    files: frozenset[tuple[str, int, int]] = frozenset()
