"""The plan of encoding: a vector that describes each item."""

from collections.abc import Mapping
from dataclasses import dataclass

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.rows import RowGraph
from pofx.kinds.decoded import Decoded
from pofx.rules.arrays import Array
from pofx.rules.outputs import EMBEDDING
from pofx.use.missing import check_complete
from pofx.use.options import data_input, option_arrays
from pofx.use.steps import OneStep


@dataclass(frozen=True)
class EncodePlan:
    """A checked request to encode."""

    model: LoadedModel
    declared: bundle.Encode

    @property
    def graph(self) -> RowGraph:
        """What runs."""
        return self.model.graphs[self.declared.graph]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The output that is read."""
        return (EMBEDDING,)

    def mflop(self, items: int) -> float:
        """Work of encoding that many items."""
        return items * self.graph.mflop_per_row

    def begin(self, items: Decoded) -> OneStep[Array]:
        """The steps from items to embeddings; a row that misses a value is taken too, or raises RequestInvalid."""
        check_complete(self.model, items.array, items.faults)
        sound = items.faults.without(items.array)
        arrays = {data_input(self.graph.spec).name: sound, **option_arrays(self.graph.spec, {}, len(sound))}
        return OneStep(self.graph, self.wanted, arrays, lambda outputs: self.read(items, outputs))

    def read(self, items: Decoded, outputs: Mapping[str, Array]) -> Array:
        """Embeddings, float32, shape (batch, dims); not a number where an item has a fault."""
        return items.faults.among_all(outputs[EMBEDDING], len(items.array))


def plan(model: LoadedModel) -> EncodePlan:
    """The plan of a model that was chosen for encoding."""
    if model.manifest.encode is None:
        raise ValueError(f"{model.manifest.reference} cannot encode; choose models by capability")
    return EncodePlan(model, model.manifest.encode)
