"""The plan of generating: noise from (seed, sample index), what the caller says, then steps to the samples."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

import numpy as np

from pofx import bundle
from pofx.errors import RequestInvalid, TooLarge
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.rows import RowGraph
from pofx.kinds.condition import Condition
from pofx.rules import noise
from pofx.rules.arrays import Array
from pofx.use import decode
from pofx.use.conditions import Conditional, Notes, Told, check, told
from pofx.use.fixed_point import FixedPoint, Keep, Passes
from pofx.use.options import option_arrays
from pofx.use.sequential import Sequential
from pofx.use.steps import OneStep, Steps

DEFAULT_N = 16
_DRAWN_SEED_BITS = 32  # short enough to be typed again, and exact in every JSON parser
Latents = list[object] | Array


@dataclass(frozen=True)
class GenerateAsked:
    """What a caller says about samples.

    ``n`` is that of latents or of a list in the condition where it is left out, or 16; a ``seed`` is drawn where there
    is none; ``options`` are numbers the model declares; ``latents``, (n, …), replace noise; ``mean`` asks for the
    decoder's mean.
    """

    n: int | None = None
    seed: int | None = None
    options: Mapping[str, float] = field(default_factory=dict)
    condition: Condition = field(default_factory=Condition)
    latents: Latents | None = None
    mean: bool = False


@dataclass(frozen=True)
class Samples:
    """Samples of shape (n, …) as ``spec`` says, and the seed that draws them again.

    ``passes`` (n,) if they were made by fixed-point iteration; ``conditional`` says, if anything was known, whether the
    rest is drawn from its exact distribution given that, from a tempered one, or approximately.
    """

    values: Array
    spec: bundle.InputSpec
    seed: int
    passes: Passes | None = None
    conditional: Conditional | None = None
    notes: Notes = ()


@dataclass(frozen=True)
class GeneratePlan:
    """A checked request for n samples; what is heavy, decoding and drawing noise, is done when it begins."""

    model: LoadedModel
    declared: bundle.Generate
    asked: GenerateAsked
    n: int
    seed: int

    @property
    def graph(self) -> RowGraph:
        """What runs."""
        return self.model.graphs[self.declared.graph]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The output that is read."""
        mean = self.declared.mean if self.asked.mean else None
        return (self.declared.sample if mean is None else mean,)

    def mflop(self, n: int) -> float:
        """Expected work of n samples."""
        steps = self._expected_passes() if self.declared.method == "fixed_point" else self.declared.steps
        return n * self.graph.mflop_per_row * steps

    def begin(self) -> Steps[Samples]:
        """The steps that draw the samples; raises RequestInvalid for what cannot be decoded."""
        said = told(self.model, self.declared, self.asked.condition, self.n, self.seed, self.asked.options)
        arrays = {**self._noise(), **said.arrays}
        (sample,), keep, read = self.wanted, _keep(said), partial(self._samples, said=said)
        match self.declared.method:
            case "fixed_point":
                return self._fixed_point(arrays, said)
            case "sequential":
                return Sequential(self.graph, self.declared, sample, arrays, keep, read)
            case "direct":
                return OneStep(self.graph, self.wanted, arrays, lambda outputs: read(keep(outputs[sample])))
            case _:
                assert_never(self.declared.method)

    def _noise(self) -> dict[str, Array]:
        """Options, latents and noise, n rows each."""
        spec = self.graph.spec
        arrays = option_arrays(spec, self.asked.options, self.n)
        if self.asked.latents is not None:
            arrays |= _latents(self.model, self.declared, self.asked.latents)
        for item in spec.inputs:
            if item.role == "noise" and item.name not in arrays:
                arrays[item.name] = noise.draw(item, self.seed, range(self.n))
        return arrays

    def _fixed_point(self, arrays: dict[str, Array], said: Told) -> FixedPoint[Samples]:
        makes = self.model.manifest.makes
        start = np.zeros((self.n, *makes.shape), bundle.DATA_DTYPES[makes.kind])

        def read(values: Array, passes: Passes) -> Samples:
            self.model.passes.note(float(passes.mean()))
            return self._samples(values, said, passes)

        most, expected = self.declared.max_passes, self._expected_passes()
        return FixedPoint(self.graph, self.wanted[0], start, arrays, _keep(said), most, expected, read)

    def _expected_passes(self) -> float:
        return min(self.declared.max_passes + 1.0, self.model.passes.mean)

    def _samples(self, values: Array, said: Told, passes: Passes | None = None) -> Samples:
        return Samples(values, self.model.manifest.makes, self.seed, passes, said.conditional, said.notes)


@dataclass(frozen=True)
class DecodingPlan:
    """A checked request for items from n given codes, of a model that has a decoder and no sampler."""

    decoder: decode.DecodePlan
    latents: Latents
    n: int
    seed: int

    @property
    def graph(self) -> RowGraph:
        """What runs."""
        return self.decoder.graph

    def mflop(self, n: int) -> float:
        """Work of n codes."""
        return self.decoder.mflop(n)

    def begin(self) -> Steps[Samples]:
        """The steps that decode the codes; raises RequestInvalid."""
        spec = self.decoder.model.manifest.input
        return self.decoder.begin(self.latents, lambda items: Samples(items, spec, self.seed))


def plan(
    model: LoadedModel, asked: GenerateAsked, models: Iterable[LoadedModel] = (), most: int | None = None
) -> GeneratePlan | DecodingPlan:
    """The plan of a request, before anything is decoded; without a sampler, that of decoding the given latents.

    RequestInvalid, CapabilityMissing (which names those of ``models`` that could), or TooLarge for more than ``most``.
    """
    if model.manifest.generate is None and asked.latents is not None:
        return DecodingPlan(decode.plan(model), asked.latents, count(asked, most), asked.seed or 0)
    declared = generate_of(model)
    check(model, declared, asked.condition, models)
    if asked.mean and declared.mean is None:
        raise RequestInvalid(f"{model.manifest.reference} has no decoder mean", pointer="/mean")
    option_arrays(model.graphs[declared.graph].spec, asked.options, 1)
    seed = secrets.randbits(_DRAWN_SEED_BITS) if asked.seed is None else asked.seed
    return GeneratePlan(model, declared, asked, count(asked, most), seed)


def count(asked: GenerateAsked, most: int | None) -> int:
    """How many samples: n, or as many as there are latents, labels, targets or sources, which must agree."""
    counts = {f"condition/{name}": found for name, found in asked.condition.listed().items()}
    if asked.latents is not None:
        counts["latents"] = len(asked.latents)
    n = asked.n or next(iter(counts.values()), DEFAULT_N)
    if most is not None and n > most:
        raise TooLarge(f"{n} samples, at most {most} in one request", max_samples=most)
    for pointer, found in counts.items():
        if found != n:
            raise RequestInvalid(f"expected {n} of {pointer}, one per sample, got {found}", pointer=f"/{pointer}")
    return n


def generate_of(model: LoadedModel) -> bundle.Generate:
    """How a model that was chosen for generating draws."""
    if model.manifest.generate is None:
        raise ValueError(f"{model.manifest.reference} cannot generate; choose models by capability")
    return model.manifest.generate


def _keep(said: Told) -> Keep:
    return _as_drawn if said.known is None else said.known.keep


def _as_drawn(drawn: Array) -> Array:
    return drawn


def _latents(model: LoadedModel, declared: bundle.Generate, latents: Latents) -> dict[str, Array]:
    if declared.latents is None:
        raise RequestInvalid(f"{model.manifest.reference} has no latents", pointer="/latents")
    spec = model.graphs[declared.graph].spec.input(declared.latents)
    return {declared.latents: decode.codes(latents, spec.shape[1:], spec.dtype)}
