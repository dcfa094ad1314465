"""A model ready for use: a verified bundle whose graphs are loaded, wired and self-tested."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pofx import bundle
from pofx.graphs.held_out import HeldOut, Values
from pofx.graphs.rows import RowGraph

_MEMORY = 0.9  # weight of the past in the moving average


@dataclass
class TypicalPasses:
    """How many passes the fixed points of a model took lately, to tell the cost of further ones beforehand."""

    mean: float = 32.0
    known: bool = False

    def note(self, passes: float) -> None:
        """Learns from the mean number of passes of some samples."""
        self.mean = _MEMORY * self.mean + (1 - _MEMORY) * passes if self.known else passes
        self.known = True


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """``held_out`` is what the p-values of its score compare with; ``digest`` is the SHA-256 of the manifest file."""

    source: bundle.Bundle
    digest: str
    graphs: Mapping[str, RowGraph]
    held_out: HeldOut
    passes: TypicalPasses = field(default_factory=TypicalPasses)

    @property
    def manifest(self) -> bundle.Manifest:
        """What the bundle says about itself."""
        return self.source.manifest

    @property
    def calibration(self) -> Values:
        """The sorted values of all calibration items."""
        return self.held_out.values
