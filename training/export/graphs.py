"""The computations of a bundle as torch modules with named inputs and outputs, transforms included."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bundle import ArraySpec, DataInput, GraphInput, NoiseInput, OptionInput
from training.transforms import Transform
from training.zoo.base import Density, DirectSampler, Encoder, FactorisedDensity, Family, FixedPointSampler, Noise

_DTYPES = {torch.float32: "float32", torch.float64: "float64", torch.uint8: "uint8", torch.int64: "int64"}
_LOWEST, _HIGHEST = 0.01, 10.0  # of a temperature


@dataclass(frozen=True)
class Computation:
    """A pure function with named arrays, before it is exported."""

    module: nn.Module
    inputs: tuple[GraphInput, ...]
    outputs: tuple[ArraySpec, ...]
    mflop_per_row: float


class _Score(nn.Module):
    def __init__(self, family: Family, transform: Transform) -> None:
        super().__init__()
        self.family, self.transform = family, transform
        self.transform_noises = len(transform.score_noise)

    def forward(self, raw: Tensor, *noise: Tensor) -> tuple[Tensor, ...]:
        x = self.transform(raw, *noise[: self.transform_noises])
        if not isinstance(self.family, FactorisedDensity):
            total = self.family.log_prob(x, *noise[self.transform_noises :])
            return ((total.double() + self.transform.log_det.double().sum()).float(),)
        dims = self.family.dim_log_prob(x)
        dims = dims.double() + self.transform.log_det.double()  # sums of hundreds of terms: double costs nothing here
        if dims.dim() == 4:
            dims = dims.sum(1)  # one number per pixel, (batch, height, width)
        return dims.flatten(1).sum(1).float(), dims.float()


class _Propose(nn.Module):
    def __init__(self, family: Family, transform: Transform) -> None:
        super().__init__()
        self.family, self.transform = family, transform

    def forward(self, raw: Tensor, *arrays: Tensor) -> tuple[Tensor]:
        *noise, temperature = arrays
        x = self.family.propose(self.transform(raw), *noise, temperature=temperature)
        return (self.transform.inverse(x),)


class _Generate(nn.Module):
    def __init__(self, family: Family, transform: Transform) -> None:
        super().__init__()
        self.family, self.transform = family, transform

    def forward(self, *arrays: Tensor) -> tuple[Tensor, ...]:
        *noise, temperature = arrays
        x, mean = self.family.generate(*noise, temperature=temperature)
        sample = self.transform.inverse(x)
        return (sample,) if mean is None else (sample, self.transform.inverse(mean))


class _Encode(nn.Module):
    def __init__(self, family: Family, transform: Transform) -> None:
        super().__init__()
        self.family, self.transform = family, transform

    def forward(self, raw: Tensor, *noise: Tensor) -> tuple[Tensor]:
        return (self.family.embed(self.transform(raw, *noise)),)


def computations(family: Family, transform: Transform) -> dict[str, Computation]:
    """Every graph this family can fill, by the name it has in the bundle."""
    data = _data_input(transform)
    graphs = {}
    if isinstance(family, Density):
        noise = [_noise_input(item) for item in (*transform.score_noise, *family.score_noise)]
        names = ["log_prob", "dim_log_prob"]
        graphs["score"] = _computation(_Score(family, transform), [data, *noise], names)
    if isinstance(family, FixedPointSampler):
        inputs = [data, *map(_noise_input, family.noise), _temperature(family)]
        graphs["propose"] = _computation(_Propose(family, transform), inputs, ["sample"])
    elif isinstance(family, DirectSampler):
        inputs = [*map(_noise_input, family.noise), _temperature(family)]
        graphs["generate"] = _computation(_Generate(family, transform), inputs, ["sample", "mean"])
    if isinstance(family, Encoder):
        inputs = [data, *map(_noise_input, transform.score_noise)]
        graphs["encode"] = _computation(_Encode(family, transform), inputs, ["embedding"])
    return graphs


def _computation(module: nn.Module, inputs: Sequence[GraphInput], names: Sequence[str]) -> Computation:
    module.eval()
    example = example_inputs(inputs, 1, torch.Generator().manual_seed(0))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        results = module(*example)
    outputs = tuple(
        ArraySpec(name=name, dtype=_DTYPES[result.dtype], shape=("batch", *result.shape[1:]))
        for name, result in zip(names, results, strict=False)
    )
    elementwise = sum(array.numel() for array in (*example, *results))
    return Computation(module, tuple(inputs), outputs, max(counter.get_total_flops(), elementwise) / 1e6)


def example_inputs(inputs: Sequence[GraphInput], batch: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Fresh inputs of a graph: random data, noise by its distribution, options spread around their default."""
    return tuple(_example(item, batch, generator) for item in inputs)


def _example(item: GraphInput, batch: int, generator: torch.Generator) -> Tensor:
    size = tuple(batch if axis == "batch" else axis for axis in item.shape)
    match item:
        case NoiseInput(distribution="uniform"):
            return torch.rand(size, generator=generator)
        case OptionInput():
            return item.default * (0.7 + 0.6 * torch.rand(size, generator=generator))
        case DataInput(dtype="uint8"):
            return torch.randint(0, 256, size, generator=generator, dtype=torch.uint8)
    return torch.randn(size, generator=generator)


def _data_input(transform: Transform) -> DataInput:
    dtype = "uint8" if transform.raw == "image" else "float32"
    return DataInput(name=transform.raw, dtype=dtype, shape=("batch", *transform.raw_shape))


def _noise_input(noise: Noise) -> NoiseInput:
    shape = noise.shape if noise.shared else ("batch", *noise.shape)
    return NoiseInput(name=noise.name, dtype="float32", shape=shape, distribution=noise.distribution)


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
