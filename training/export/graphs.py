"""The computations of a bundle as torch modules with named inputs and outputs, transforms included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pofx.bundle import DATA_DTYPES, ArraySpec, ConditionInput, DataInput, GraphInput, NoiseInput, OptionInput
from pofx.rules.outputs import EMBEDDING
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
    float32 results of two runtimes may lie apart; ``marginal`` that its data, the first input, may hold NaN.
    """

    module: nn.Module
    inputs: tuple[GraphInput, ...]
    outputs: tuple[ArraySpec, ...]
    mflop_per_row: float
    bounds: Mapping[str, int]
    rounding: float = 1e-4
    marginal: bool = False

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
            raw, mask = given
            x = self.transform(raw)
            told["known"] = Known(x, (mask > 0).unsqueeze(1).expand_as(x) if x.dim() == 4 else mask > 0)
        x, mean = self.family.generate(*noise, temperature=temperature, **told)
        sample = self.transform.inverse(x)
        return (sample,) if mean is None else (sample, self.transform.inverse(mean))


def _parted(
    family: Family, arrays: Sequence[Tensor]
) -> tuple[Sequence[Tensor], Tensor, dict[str, Any], Sequence[Tensor]]:
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
    module: nn.Module, inputs: Sequence[GraphInput], names: Sequence[str], bounds: Mapping[str, int]
) -> Computation:
    module.eval()
    example = _example_inputs(inputs, bounds, 1, torch.Generator().manual_seed(0))
    fused = {torch.ops.aten.mkldnn_rnn_layer: _fused_lstm_flop}
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=fused) as counter:
        results = module(*example)
    outputs = tuple(
        ArraySpec(name=name, dtype=_DTYPES[result.dtype], shape=("batch", *result.shape[1:]))
        for name, result in zip(names, results, strict=False)
    )
    elementwise = sum(array.numel() for array in (*example, *results))
    mflop = max(counter.get_total_flops(), elementwise) / 1e6
    return Computation(module, tuple(inputs), outputs, mflop, bounds)


def _fused_lstm_flop(x: torch.Size, from_x: torch.Size, from_h: torch.Size, *_: object, **__: object) -> int:
    """Floating-point operations of one LSTM layer over (time, batch, inputs), which PyTorch does not count."""
    return 2 * x[0] * x[1] * (from_x.numel() + from_h.numel())


def _example_inputs(
    inputs: Sequence[GraphInput], bounds: Mapping[str, int], batch: int, generator: torch.Generator
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
