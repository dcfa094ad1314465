"""The computations of a bundle as torch modules with named inputs and outputs, transforms included."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from pofx.bundle import (
    DATA_DTYPES,
    ArraySpec,
    ConditionInput,
    DataInput,
    GraphInput,
    NoiseInput,
    OptionInput,
    PositionInput,
    StateInput,
)
from pofx.rules.outputs import EMBEDDING
from training.export.pieces import FULL_BATCH, Pieces, pieces_of, work_of
from training.scoring import Scoring, is_scored, noise_input
from training.statistics import Statistics
from training.transforms import Transform
from training.zoo.base import (
    Autoregressive,
    CompletingSampler,
    ConditioningSampler,
    Encoder,
    Family,
    FixedPointSampler,
    Known,
    Reconstructing,
    Sequence,
    SequentialSampler,
    Zeros,
    takes_label,
)

_DTYPES = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.uint8: "uint8",
    torch.int16: "int16",
    torch.int64: "int64",
}
_LOWEST, _HIGHEST = 0.01, 10.0  # of a temperature
_ROUNDING_PER_TERM = 1e-6  # nats; a statistic may be the small difference of two sums of large float32 terms


@dataclass(frozen=True)
class Computation:
    """A pure function with named arrays, before it is exported.

    ``bounds`` says how many values codes and labels can take, by the name of their input; ``rounding`` is how far
    float32 results of two runtimes may lie apart; ``marginal`` that its data, the first input, may hold NaN; ``pieces``
    that it is a step of a sequential sampler.
    """

    module: nn.Module
    inputs: tuple[GraphInput, ...]
    outputs: tuple[ArraySpec, ...]
    mflop_per_row: float
    bounds: Mapping[str, int]
    rounding: float = 1e-4
    marginal: bool = False
    pieces: Pieces | None = None

    def example(self, batch: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Fresh inputs: random data, noise by its distribution, options spread around their default."""
        return _example_inputs(self.inputs, self.bounds, batch, generator)

    def example_with_gaps(self, batch: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """The same with a third of the data missing, but for every third row, which is complete."""
        (data, *others) = self.example(batch, generator)
        gaps = torch.rand(data.shape, generator=generator) < 1 / 3
        gaps[2::3] = False
        return torch.where(gaps, torch.nan, data), *others


class _Propose(nn.Module):
    def __init__(self, family: Family, transform: Transform) -> None:
        super().__init__()
        self.family, self.transform = family, transform

    def forward(self, raw: Tensor, *arrays: Tensor) -> tuple[Tensor]:
        noise, temperature, told, _ = _parted(self.family, arrays)
        x = self.family.propose(self.transform(raw), *noise, temperature=temperature, **told)
        return (self.transform.inverse(x),)


class _Generate(nn.Module):
    def __init__(self, family: Family, transform: Transform) -> None:
        super().__init__()
        self.family, self.transform = family, transform

    def forward(self, *arrays: Tensor) -> tuple[Tensor, ...]:
        noise, temperature, told, given = _parted(self.family, arrays)
        if given:
            told["known"] = _known_x(self.transform(given[0]), given[1])
        x, mean = self.family.generate(*noise, temperature=temperature, **told)
        sample = self.transform.inverse(x)
        return (sample,) if mean is None else (sample, self.transform.inverse(mean))


class _Advance(nn.Module):
    """A step of a sequential sampler: the next positions drawn, and the state after them.

    The first state is what is drawn so far, as long as all steps together, so that a step beyond the end has a place to
    write to.
    """

    def __init__(self, family: SequentialSampler, transform: Transform, pieces: Pieces) -> None:
        super().__init__()
        self.family, self.transform, self.pieces = family, transform, pieces

    def forward(self, *arrays: Tensor) -> tuple[Tensor, ...]:
        count = len(self.family.noise) + 1 + takes_label(self.family) + 2 * completes(self.family, self.transform)
        asked, (drawn, *state, position) = arrays[:count], arrays[count:]
        sequence = self.sequence(*asked)
        positions = position + torch.arange(self.pieces.chunk, device=drawn.device)
        inside = torch.clamp(positions, max=sequence.positions - 1)
        begun = tuple(
            old if isinstance(start, Zeros) else torch.where(position == 0, start, old)
            for start, old in zip(sequence.start, state, strict=True)
        )
        following, new = sequence.advance(begun, inside, sequence.at(inside))
        rows = torch.arange(drawn.shape[0], device=drawn.device)[:, None]
        drawn = drawn.index_put((rows, positions), new.movedim(-1, 0).to(drawn.dtype))
        sample = self.transform.inverse(sequence.read(drawn[:, : sequence.positions]))
        return (sample, drawn, *following)

    def sequence(self, *asked: Tensor) -> Sequence:
        """For noise, temperature and conditions."""
        noise, temperature, told, given = _parted(self.family, asked)
        if given:
            told["known"] = _known_x(self._transformed(*given), given[1])
        return self.family.sequence(*noise, temperature=temperature, **told)

    def _transformed(self, raw: Tensor, mask: Tensor) -> Tensor:
        """What is known as x; a graph spares itself the work at every step if nothing is."""
        if not torch.compiler.is_exporting():
            return self.transform(raw)
        x = torch.cond((mask > 0).any(), self._flat, self._unknown, (raw,))
        return x.unflatten(1, self.transform.event_shape)

    def _flat(self, raw: Tensor) -> Tensor:
        return self.transform(raw).flatten(1)

    def _unknown(self, raw: Tensor) -> Tensor:
        return torch.zeros(raw.shape[0], self.family.dims, device=raw.device)


def _known_x(x: Tensor, mask: Tensor) -> Known:
    """A position is a dimension, or a pixel with all its colours."""
    return Known(x, (mask > 0).unsqueeze(1).expand_as(x) if x.dim() == 4 else mask > 0)


def _parted(family: Family, arrays: Several[Tensor]) -> tuple[Several[Tensor], Tensor, dict[str, Any], Several[Tensor]]:
    """Inputs of a sampler as noise, temperature, the label if there is one, and what is known if anything can be."""
    noise, (temperature, *rest) = arrays[: len(family.noise)], arrays[len(family.noise) :]
    labels = int(takes_label(family))
    return noise, temperature, {"label": rest[0]} if labels else {}, rest[labels:]


class _Decode(nn.Module):
    def __init__(self, family: Family, transform: Transform) -> None:
        super().__init__()
        self.family, self.transform = family, transform

    def forward(self, code: Tensor) -> tuple[Tensor]:
        return (self.transform.nearest(self.family.decode(code)),)


class _Encode(nn.Module):
    def __init__(self, family: Family, transform: Transform) -> None:
        super().__init__()
        self.family, self.transform = family, transform

    def forward(self, raw: Tensor, *noise: Tensor) -> tuple[Tensor]:
        return (self.family.embed(self.transform(raw, *noise)),)


def computations(family: Family, transform: Transform, statistics: Statistics | None = None) -> dict[str, Computation]:
    """Every graph this family can fill, by the name it has in the bundle."""
    data, bounds = _data_input(transform), _bounds(family, transform)
    graphs = {}
    if is_scored(family):
        scoring = Scoring(family, transform, statistics)
        noise = map(noise_input, scoring.noises)
        score = _computation(scoring, [data, *noise], scoring.names, bounds)
        rounding = max(family.rounding, _ROUNDING_PER_TERM * family.dims)
        graphs["score"] = replace(score, rounding=rounding, marginal=scoring.marginal)
    if family.sampler == "fixed_point":
        inputs = [data, *map(noise_input, family.noise), _temperature(family), *_label(family)]
        graphs["propose"] = _computation(_Propose(family, transform), inputs, ["sample"], bounds)
    elif family.sampler == "sequential":
        graphs["generate"] = _step(family, transform, bounds)
    elif family.sampler == "direct":
        inputs = [*map(noise_input, family.noise), _temperature(family), *_label(family), *_known(family, transform)]
        graphs["generate"] = _computation(_Generate(family, transform), inputs, ["sample", "mean"], bounds)
    if isinstance(family, Encoder):
        inputs = [data, *map(noise_input, transform.score_noise)]
        graphs["encode"] = _computation(_Encode(family, transform), inputs, [EMBEDDING], bounds)
    if isinstance(family, Reconstructing):
        code = DataInput(name="code", dtype="float32", shape=("batch", family.embedding_dims))
        graphs["decode"] = _computation(_Decode(family, transform), [code], ["item"], bounds)
    return graphs


def _step(family: SequentialSampler, transform: Transform, bounds: Mapping[str, int]) -> Computation:
    """A step of some positions; its states are ``drawn`` and those of the family, by number."""
    asked = [*map(noise_input, family.noise), _temperature(family), *_label(family), *_known(family, transform)]
    example = _example_inputs(asked, bounds, FULL_BATCH, torch.Generator().manual_seed(0))
    with torch.no_grad():
        sequence = _Advance(family, transform, Pieces(1, 1)).sequence(*example)
        pieces = pieces_of(sequence)
    drawn = Zeros((len(pieces.starts) * pieces.chunk, *sequence.width), torch.float32)
    states = [_state("drawn", drawn), *(_state(f"state_{place}", part) for place, part in enumerate(sequence.start, 1))]
    inputs = [*asked, *states, PositionInput(name="position", dtype="int64", shape=())]
    module, names = _Advance(family, transform, pieces), ["sample", *(item.becomes for item in states)]
    return replace(_computation(module, inputs, names, bounds), rounding=family.rounding, pieces=pieces)


def _state(name: str, part: Tensor | Zeros) -> StateInput:
    shape = part.shape if isinstance(part, Zeros) else part.shape[1:]
    return StateInput(name=name, dtype=_DTYPES[part.dtype], shape=("batch", *shape))


def completes(family: Family, transform: Transform) -> bool:
    """Whether samples can keep what is known of raw data: by an order or for any of it; a raw value is one value x.

    Where the transform adds noise, a raw value stands for many x, and it is not known which.
    """
    in_order = isinstance(family, Autoregressive) and isinstance(family, FixedPointSampler | CompletingSampler)
    return (in_order or isinstance(family, ConditioningSampler)) and not transform.score_noise


def _bounds(family: Family, transform: Transform) -> dict[str, int]:
    """How many values codes and labels can take, by the name of their input."""
    bounds = {"text": transform.levels, "known": transform.levels} if transform.raw == "text" else {}
    return bounds | ({"label": family.classes + 1} if takes_label(family) else {})


def _computation(
    module: nn.Module, inputs: Several[GraphInput], names: Several[str], bounds: Mapping[str, int]
) -> Computation:
    module.eval()
    example = _example_inputs(inputs, bounds, 1, torch.Generator().manual_seed(0))
    with torch.no_grad():
        results = module(*example)
    outputs = tuple(
        ArraySpec(name=name, dtype=_DTYPES[result.dtype], shape=("batch", *result.shape[1:]))
        for name, result in zip(names, results, strict=False)
    )
    return Computation(module, tuple(inputs), outputs, work_of(lambda: module(*example)).mflop, bounds)


def _example_inputs(
    inputs: Several[GraphInput], bounds: Mapping[str, int], batch: int, generator: torch.Generator
) -> tuple[Tensor, ...]:
    return tuple(_example(item, bounds.get(item.name), batch, generator) for item in inputs)


def _example(item: GraphInput, bound: int | None, batch: int, generator: torch.Generator) -> Tensor:
    size = tuple(batch if axis == "batch" else axis for axis in item.shape)
    match item:
        case NoiseInput(distribution="uniform"):
            return torch.rand(size, generator=generator)
        case OptionInput():
            return item.default * (0.7 + 0.6 * torch.rand(size, generator=generator))
        case ConditionInput(of="mask"):
            return torch.randint(0, 2, size, generator=generator, dtype=torch.uint8)
        case ConditionInput(of="label"):
            return torch.randint(0, bound, size, generator=generator)
        case StateInput() | PositionInput():
            return torch.zeros(size, dtype=getattr(torch, item.dtype))
        case DataInput(dtype="uint8") | ConditionInput(dtype="uint8"):
            return torch.randint(0, bound or 256, size, generator=generator, dtype=torch.uint8)
        case DataInput(dtype="int16") | ConditionInput(dtype="int16"):
            return torch.randint(-(2**15), 2**15, size, generator=generator, dtype=torch.int16)
    return torch.randn(size, generator=generator)


def _data_input(transform: Transform) -> DataInput:
    shape = ("batch", *transform.raw_shape)
    return DataInput(name=transform.raw, dtype=DATA_DTYPES[transform.raw], shape=shape)


def _label(family: Family) -> list[GraphInput]:
    if not takes_label(family):
        return []
    return [ConditionInput(name="label", dtype="int64", shape=("batch",), of="label")]


def _known(family: Family, transform: Transform) -> list[GraphInput]:
    if not isinstance(family, CompletingSampler) or not completes(family, transform):
        return []
    data = _data_input(transform)
    positions = data.shape[:3] if transform.raw == "image" else data.shape
    return [
        ConditionInput(name="known", dtype=data.dtype, shape=data.shape, of="known"),
        ConditionInput(name="mask", dtype="uint8", shape=positions, of="mask"),
    ]


def _temperature(family: Family) -> OptionInput:
    return OptionInput(
        name="temperature",
        dtype="float32",
        shape=("batch",),
        description=family.temperature,
        default=1.0,
        minimum=_LOWEST,
        maximum=_HIGHEST,
    )
