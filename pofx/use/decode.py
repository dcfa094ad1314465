"""The plan of decoding: codes back into items, by the decoder of a model, or by its sampler's mean given the latent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.rows import RowGraph
from pofx.kinds.nested import numbers
from pofx.kinds.place import Place
from pofx.rules.arrays import Array
from pofx.use.options import data_input, option_arrays
from pofx.use.steps import OneStep

T = TypeVar("T")


@dataclass(frozen=True)
class DecodePlan:
    """A checked request to decode."""

    model: LoadedModel
    declared: bundle.Decode

    @property
    def graph(self) -> RowGraph:
        """What runs."""
        return self.model.graphs[self.declared.graph]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The output that is read."""
        return (self.declared.item,)

    def mflop(self, items: int) -> float:
        """Work of decoding that many codes."""
        return items * self.graph.mflop_per_row

    def begin(self, latents: list[object] | Array, reader: Callable[[Array], T]) -> OneStep[T]:
        """The steps from codes (n, dims) to what the reader makes of the items (n, …); raises RequestInvalid."""
        data = data_input(self.graph.spec)
        given = codes(latents, data.shape[1:], data.dtype)
        arrays = {data.name: given, **option_arrays(self.graph.spec, {}, len(given))}
        return OneStep(self.graph, self.wanted, arrays, lambda outputs: reader(self.read(outputs)))

    def read(self, outputs: Mapping[str, Array]) -> Array:
        """The items."""
        return outputs[self.declared.item]


def plan(model: LoadedModel) -> DecodePlan:
    """The plan of a model that has a decoder."""
    if model.manifest.decode is None:
        raise ValueError(f"{model.manifest.reference} has no decoder; look at its manifest first")
    return DecodePlan(model, model.manifest.decode)


def codes(given: list[object] | Array, shape: tuple[int | str, ...], dtype: str) -> Array:
    """Codes (n, …) in the dtype of their graph, from an array or nested lists; raises RequestInvalid."""
    array = numbers(given, Place("latents", "/latents")) if isinstance(given, list) else np.asarray(given)
    if array.shape[1:] != shape:
        expected, got = (", ".join(map(str, axes)) for axes in (shape, array.shape[1:]))
        raise RequestInvalid(f"latents: expected shape (n, {expected}), got (n, {got})", pointer="/latents")
    with np.errstate(over="ignore"):
        values = array.astype(dtype)
    if not np.isfinite(values).all():
        raise RequestInvalid(f"latents: expected numbers within the range of {dtype}", pointer="/latents")
    return values
