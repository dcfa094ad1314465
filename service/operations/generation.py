"""Drawing samples: noise from (seed, sample index), then one call, or passes until nothing changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

import bundle
from service.errors import RequestInvalid
from service.inference import noise
from service.inference.batcher import Batcher
from service.inference.fixed_point import iterate
from service.inference.graph import Array, Arrays
from service.inference.known import Known
from service.inference.model import Model
from service.operations.conditions import Conditional, exactness, label_indices
from service.operations.inputs import option_arrays
from service.schemas.condition import Label
from service.trace import Trace

Keep = Callable[[Array], Array]
"""From what was drawn, shape (n, …), to the same with the known values in their places."""

_FIRST_GUESS_PASSES = 32.0


@dataclass(frozen=True)
class Order:
    """What to draw; ``latents`` of shape (n, …) replace noise, ``mean`` asks for the decoder's mean.

    ``label`` is one for all samples or a list of n; all samples share what is ``known``.
    """

    n: int
    seed: int
    options: Mapping[str, float] = field(default_factory=dict)
    latents: Array | None = None
    mean: bool = False
    label: Label | list[Label] | None = None
    known: Known | None = None


@dataclass(frozen=True)
class Samples:
    """Data of shape (n, …); passes of shape (n,) if they were made by fixed-point iteration.

    ``conditional`` says, if anything was known, whether the rest is drawn from its exact distribution given that.
    """

    values: Array
    passes: NDArray[np.int64] | None = None
    conditional: Conditional | None = None


@dataclass
class Generation:
    """Draws samples, and remembers how many passes each model needs, to tell the cost of a request beforehand."""

    batcher: Batcher
    typical_passes: dict[Model, float] = field(default_factory=dict)

    def mflop(self, model: Model, n: int) -> float:
        """Expected work of n samples."""
        generate = _generate(model)
        passes = 1.0
        if generate.method == "fixed_point":
            passes = min(generate.max_passes + 1.0, self.typical_passes.get(model, _FIRST_GUESS_PASSES))
        return n * model.graphs[generate.graph].mflop_per_row * passes

    def prepare(self, model: Model, order: Order) -> dict[str, Array]:
        """All noise, options and conditions of an order, each with n rows; raises RequestInvalid."""
        generate, spec = _generate(model), model.graphs[_generate(model).graph].spec
        if order.mean and generate.mean is None:
            raise RequestInvalid(f"{model.manifest.reference} has no decoder mean", pointer="/mean")
        arrays = option_arrays(spec, order.options, order.n)
        if order.latents is not None:
            arrays |= _latents(model, generate, order.latents)
        for item in spec.inputs:
            if item.role == "noise" and item.name not in arrays:
                arrays[item.name] = noise.draw(item, order.seed, range(order.n))
            if item.role == "condition":
                arrays[item.name] = _condition(item, generate, order)
        return arrays

    async def draw(self, model: Model, order: Order, arrays: Arrays, trace: Trace) -> Samples:
        """The samples of an order from its prepared arrays."""
        generate = _generate(model)
        keep = order.known.keep if order.known is not None else _as_drawn
        conditional = _conditional(generate, order.known)
        if generate.method == "fixed_point":
            values, passes = await self._iterate(model, generate, keep, arrays, trace)
            return Samples(values, passes, conditional)
        wanted = generate.mean if order.mean and generate.mean is not None else generate.sample
        outputs = await self.batcher.run(model.graphs[generate.graph], arrays, (wanted,), trace)
        return Samples(keep(outputs[wanted]), None, conditional)

    async def _iterate(
        self, model: Model, generate: bundle.Generate, keep: Keep, arrays: Arrays, trace: Trace
    ) -> tuple[Array, NDArray[np.int64]]:
        """Fixed points and passes; what is known is put back after every pass."""
        graph = model.graphs[generate.graph]
        data = next(item for item in graph.spec.inputs if item.role == "data")

        async def propose(state: Array, constant: Arrays) -> Array:
            outputs = await self.batcher.run(graph, {data.name: state, **constant}, (generate.sample,), trace)
            return keep(outputs[generate.sample])

        rows = len(next(iter(arrays.values())))
        start = keep(np.zeros((rows, *model.manifest.input.shape), data.dtype))
        values, passes = await iterate(propose, start, arrays, generate.max_passes)
        mean = float(passes.mean())
        self.typical_passes[model] = 0.9 * self.typical_passes.get(model, mean) + 0.1 * mean
        return values, passes


def _generate(model: Model) -> bundle.Generate:
    if model.manifest.generate is None:
        raise ValueError(f"{model.manifest.reference} cannot generate; choose models by capability")
    return model.manifest.generate


def _as_drawn(drawn: Array) -> Array:
    return drawn


def _conditional(generate: bundle.Generate, known: Known | None) -> Conditional | None:
    return exactness(generate.completion, known.mask) if generate.completion and known else None


def _condition(item: bundle.ConditionInput, generate: bundle.Generate, order: Order) -> Array:
    """The array of a condition, n rows; all zero where nothing is known, so that every request has the same arrays."""
    if item.of == "label":
        return label_indices(generate.labels, order.label, order.n)
    shape = (order.n, *(axis for axis in item.shape[1:] if axis != "batch"))
    if order.known is None:
        return np.zeros(shape, item.dtype)
    return np.broadcast_to(order.known.values if item.of == "known" else order.known.mask, shape)


def _latents(model: Model, generate: bundle.Generate, latents: Array) -> dict[str, Array]:
    if generate.latents is None:
        raise RequestInvalid(f"{model.manifest.reference} has no latents", pointer="/latents")
    spec = model.graphs[generate.graph].spec.input(generate.latents)
    if latents.shape[1:] != spec.shape[1:]:
        expected = ", ".join(map(str, spec.shape[1:]))
        got = ", ".join(map(str, latents.shape[1:]))
        raise RequestInvalid(f"latents: expected shape (n, {expected}), got (n, {got})", pointer="/latents")
    with np.errstate(over="ignore"):
        values = latents.astype(spec.dtype)
    if not np.isfinite(values).all():
        raise RequestInvalid(f"latents: expected numbers within the range of {spec.dtype}", pointer="/latents")
    return {generate.latents: values}
