"""Encoding items: a vector that describes each."""

import bundle
from service.inference.batcher import Batcher
from service.inference.graph import Array
from service.inference.model import Model
from service.operations.inputs import option_arrays
from service.operations.missing import check_complete
from service.operations.scoring import data_input
from service.trace import Trace


def mflop(model: Model, items: int) -> float:
    """Work of encoding that many items."""
    return items * model.graphs[encode_of(model).graph].mflop_per_row


async def encode(model: Model, batcher: Batcher, items: Array, trace: Trace) -> Array:
    """Embeddings, float32, shape (batch, dims); raises RequestInvalid for a row that misses a value."""
    check_complete(model, items)
    graph = model.graphs[encode_of(model).graph]
    arrays = {data_input(graph.spec).name: items, **option_arrays(graph.spec, {}, len(items))}
    outputs = await batcher.run(graph, arrays, ("embedding",), trace)
    return outputs["embedding"]


def encode_of(model: Model) -> bundle.Encode:
    """The encoder of a model that was chosen for encoding."""
    if model.manifest.encode is None:
        raise ValueError(f"{model.manifest.reference} cannot encode; choose models by capability")
    return model.manifest.encode
