"""One dimension after the other: their order, their conditionals, the loop that draws them, layers.

*Orders.* The dimensions from first to last, and mixtures of several orders of one x with equal weights,
p(x) = (1/M) Σ_m Π_d p_m(x_d | x before d in order m).

*Conditionals.* Bernoulli, given by a logit; categorical over levels 0..V−1, given by one logit each (two levels need
one, that of a one). Where items end (texts), nothing but the end follows the end, with probability one.

*Loops.* Of fixed length over positions, as sequential samplers need them: one ONNX ``Scan`` when exported. Only this
file touches torch's private ``scan`` operator; torch is pinned because of it. Everywhere else (eagerly, and while
TorchScript traces, which unrolls it) the same step runs in a Python loop, so that the parity check of an export
compares the operator with the loop it stands for. A step is a pure function ``(carry, inputs) → (carry, output)`` on
tensors: no in-place change, no output that is an input or a view of one (clone it), carried shapes, strides and types
constant, positions read with ``index_select``.

*Layers.* Linear and convolutional, some of whose weights a mask holds at zero.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan as _scan
from torch.nn.utils import parametrize

from training.zoo.base import (
    Advance,
    Autoregressive,
    Facts,
    Family,
    FixedPointSampler,
    Known,
    LikelihoodTrained,
    Options,
    Tensors,
    bernoulli_log_prob,
)

OrderName = Literal["raster", "columns", "reversed", "random"]
_SURE = 1e9  # a logit; infinite ones times zero would be no number
Carry = TypeVar("Carry", Tensor, tuple[Tensor, ...])
Output = TypeVar("Output", Tensor, tuple[Tensor, ...])
Step = Callable[[Tensors, Tensors], tuple[Tensors, Tensor | Tensors]]
Layer = TypeVar("Layer", nn.Linear, nn.Conv1d, nn.Conv2d)


class OrderOptions(Options):
    """Options of every family that has an order."""

    order: OrderName = Field(default="raster", description="which dimension comes first; columns are those of an image")
    order_seed: int = Field(default=0, description="seed of a random order")


def raster(event_shape: tuple[int, ...]) -> Tensor:
    """Dimensions from first to last, int64, shape (dims,): row by row, the channels of a pixel one after the other.

    A sequence is taken from its beginning.
    """
    dims = torch.arange(int(torch.Size(event_shape).numel()))
    if len(event_shape) != 3:
        return dims
    return dims.reshape(event_shape).permute(1, 2, 0).flatten()


def ordering(event_shape: tuple[int, ...], name: OrderName, seed: int) -> Tensor:
    """Dimensions from first to last, int64, shape (dims,).

    Columns are those of an image; what is no image has them in raster order. ``seed`` is that of a random order.
    """
    rows = raster(event_shape)
    match name:
        case "raster":
            return rows
        case "reversed":
            return rows.flip(0)
        case "columns":
            return rows if len(event_shape) != 3 else _columns(event_shape)
    return torch.argsort(torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)))


def _columns(event_shape: tuple[int, ...]) -> Tensor:
    dims = torch.arange(int(torch.Size(event_shape).numel()))
    return dims.reshape(event_shape).permute(2, 1, 0).flatten()


def axes(event_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of raster order, slowest first: (height, width, channels) of an image, (time,) of a sequence."""
    return (*event_shape[1:], event_shape[0]) if len(event_shape) == 3 else event_shape


def attributed(terms: Tensor) -> Tensor:
    """Shares of the dimensions in log p(x), shape (batch, dims); they sum to it exactly.

    ``terms`` are log-conditionals in nats, shape (parts, batch, dims): of networks, masks or orders, mixed evenly.
    No chain rule holds in several orders at once. A dimension gets the parts' terms, weighed by how likely each
    part made this x, and an even share of what is left, which is between −log M and 0.
    """
    joint = terms.sum(-1)  # (parts, batch)
    weights = torch.softmax(joint, 0)
    shares = (weights[..., None] * terms).sum(0)  # (batch, dims)
    left = torch.logsumexp(joint, 0) - math.log(len(terms)) - shares.sum(-1)
    return shares + left[:, None] / terms.shape[-1]


def part_of(choice: Tensor, parts: int) -> Tensor:
    """Which part uniform numbers (batch,) choose, 0..parts−1, int64, same shape."""
    return torch.clamp((choice * parts).long(), max=parts - 1)


class BinaryConditionals(Family, Autoregressive, LikelihoodTrained):
    """Exact log p(x) = Σ_d log p(x_d | x_<d) from the logits of all conditionals; a family adds its sampler."""

    kind = "exact"
    space = "binary"
    temperature = "divides every conditional's logit: below 1 cleaner and less varied, above 1 wilder"

    @abstractmethod
    def logits(self, x: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims), for x of the same shape."""

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape)."""
        flat = x.flatten(1)
        return bernoulli_log_prob(self.logits(flat), flat).reshape(-1, *self.event_shape)

    def loss(self, x: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats."""
        return -self.log_prob(x).mean()


class DiscreteConditionals(Family, Autoregressive, LikelihoodTrained):
    """Exact log p(x) = Σ_d log p(x_d | x_<d) from the logits of all conditionals; a family adds its sampler."""

    kind = "exact"
    space = ("binary", "levels")
    temperature = "divides every conditional's logits: below 1 cleaner and less varied, above 1 wilder"

    def __init__(self, facts: Facts, options: Options) -> None:
        super().__init__(facts, options)
        self.order = raster(facts.event_shape)
        self.outputs = logits_per_dimension(facts.levels)

    @abstractmethod
    def open_logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, *event_shape), as if none had ended.

        ``told`` is ``label=…`` for a LabelConditioned family; without it the label is not known.
        """

    def logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """The same, where only the end can follow the end."""
        found = self.open_logits(x, **told)
        if self.facts.end is None:
            return found
        certainty = certain(self.facts.end, self.outputs, found)
        return torch.where(is_open(x.flatten(1), self.facts.end)[..., None], found, certainty)

    def ended(self, x: Tensor, known: Known | None = None) -> Tensor:
        """Samples (batch, time) with nothing but the end after the end, unless it is known; others as they are."""
        if self.facts.end is None:
            return x
        closed = torch.where(is_open(x, self.facts.end), x, float(self.facts.end))
        return closed if known is None else known.keep(closed)

    def dim_log_prob(self, x: Tensor, **told: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape)."""
        return categorical_log_prob(self.logits(x, **told), x.flatten(1)).reshape(-1, *self.event_shape)

    def loss(self, x: Tensor, **told: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats."""
        return -self.dim_log_prob(x, **told).flatten(1).sum(1).mean()


class DiscreteProposals(DiscreteConditionals, FixedPointSampler):
    """Discrete conditionals whose samples are the fixed point of one pass."""

    def propose(self, x: Tensor, *noise: Tensor, temperature: Tensor, **told: Tensor) -> Tensor:
        """All dimensions redrawn given those before them, shape (batch, *event_shape)."""
        (u,) = noise
        drawn = draw_categorical(self.logits(x, **told), u, temperature)
        return drawn.reshape(-1, *self.event_shape)


def is_open(levels: Tensor, end: int) -> Tensor:
    """Where no place before has ended the item, bool, for levels (batch, time); what ends is a sequence."""
    ends = (levels == end).long()
    return torch.cumsum(ends, 1) == ends


def certain(end: int, outputs: int, like: Tensor) -> Tensor:
    """Logits (outputs,) of a conditional that gives the end probability one."""
    if outputs == 1:
        return torch.full((1,), _SURE if end else -_SURE, dtype=like.dtype, device=like.device)
    return torch.where(torch.arange(outputs, device=like.device) == end, 0.0, -torch.inf).to(like.dtype)


def logits_per_dimension(levels: int) -> int:
    """How many logits a conditional over that many levels needs."""
    return 1 if levels == 2 else levels


def categorical_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    """Log p of levels x (…), in nats, same shape and precision; logits (…, outputs)."""
    logits = logits.to(x.dtype)
    if logits.shape[-1] == 1:
        return bernoulli_log_prob(logits[..., 0], x)
    return nn.functional.log_softmax(logits, -1).gather(-1, x.long()[..., None])[..., 0]


def draw_categorical(logits: Tensor, u: Tensor, temperature: Tensor) -> Tensor:
    """Levels by inverse CDF at uniform u (batch, …), same shape, as floats; logits (batch, …, outputs).

    ``temperature`` (batch,) divides the logits.
    """
    scaled = logits / temperature.reshape(-1, *[1] * (logits.dim() - 1))
    if logits.shape[-1] == 1:
        return (u < torch.sigmoid(scaled[..., 0])).to(logits.dtype)
    ends = torch.cumsum(torch.softmax(scaled, -1), -1)[..., :-1]  # the last level takes what rounding leaves
    return (u[..., None] >= ends).sum(-1).to(logits.dtype)


def of_rows(places: Tensor, order: Tensor, noise: tuple[Tensor, ...], known: Known | None) -> tuple[Tensor, ...]:
    """What rows have at some places in the order, int64 (…): noise, each given as (batch, dims), and then what is known
    and its mask, if anything can be; each (…, batch).
    """
    arrays = noise if known is None else (*noise, known.x.flatten(1), known.mask.flatten(1))
    dims = order.to(places.device).index_select(0, places.flatten())
    return tuple(array.index_select(1, dims).T.reshape(*places.shape, -1).contiguous() for array in arrays)


def placed(drawn: Tensor, place: Tensor, event_shape: tuple[int, ...], order: OrderName = "raster") -> Tensor:
    """What was drawn in an order, (batch, dims), as x (batch, *event_shape); ``place`` is where each dimension is."""
    as_it_is = order == "raster" and (len(event_shape) != 3 or event_shape[0] == 1)
    in_dims = drawn if as_it_is else drawn.index_select(1, place.to(drawn.device))
    return in_dims.reshape(-1, *event_shape)


def keep(drawn: Tensor, *given: Tensor) -> Tensor:
    """What was drawn at a position, unless its value and mask say that it is known; all (batch,)."""
    if not given:
        return drawn
    value, mask = given
    return torch.where(mask, value, drawn)


def scan(
    step: Callable[[Carry, tuple[Tensor, ...]], tuple[Carry, Output]], carry: Carry, inputs: tuple[Tensor, ...]
) -> Output:
    """The outputs of all steps, stacked along a new first axis; every input is walked along its first axis.

    What is carried, and what a step gives, is a tensor or a tuple of them. A step may hold a loop of its own.
    """
    return scan_to_end(step, carry, inputs)[1]


def scan_to_end(
    step: Callable[[Carry, tuple[Tensor, ...]], tuple[Carry, Output]], carry: Carry, inputs: tuple[Tensor, ...]
) -> tuple[Carry, Output]:
    """What the last step hands on, and the outputs of all."""
    if torch.compiler.is_exporting():
        return _scan(step, carry, inputs, dim=0)
    outputs = []
    # unbind, because the gradient of indexing would be a tensor of all positions at every position
    for current in zip(*(item.unbind(0) for item in inputs), strict=True):
        carry, output = step(carry, current)
        outputs.append(output)
    if isinstance(outputs[0], Tensor):
        return carry, torch.stack(outputs)
    return carry, tuple(map(torch.stack, zip(*outputs, strict=True)))


def one_by_one(step: Step) -> Advance:
    """Positions one after the other, in a loop; a step gets the state, its position (1,) and what is read there."""

    def advance(state: Tensors, positions: Tensor, inputs: Tensors) -> tuple[Tensors, Tensor]:
        return scan_to_end(step, state, (positions[:, None], *inputs))

    return advance


class _Mask(nn.Module):
    """Parametrisation that keeps a weight masked."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask.float(), persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


def masked(layer: Layer, mask: Tensor) -> Layer:
    """The layer, its weight multiplied by the mask (of the same shape) from now on."""
    parametrize.register_parametrization(layer, "weight", _Mask(mask))
    return layer


def bake(module: nn.Module) -> None:
    """Puts masked weights in the place of weights and masks, everywhere in a module and for good."""
    for layer in list(module.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")


def masked_conv2d(inputs: int, outputs: int, kernel: int, kind: Literal["A", "B"], colours: int = 1) -> nn.Conv2d:
    """A convolution that sees the pixels before its own in raster order, padded so that the picture keeps its size.

    Kind B also sees its own pixel. With several ``colours``, channels come in as many consecutive groups, and a group
    sees the groups before it (kind B: and itself) at its own pixel (PixelRNN, figure 2 and section 3.4).
    """
    middle = kernel // 2
    mask = torch.zeros(outputs, inputs, kernel, kernel)
    mask[:, :, :middle] = 1
    mask[:, :, middle, :middle] = 1
    mask[:, :, middle, middle] = colour_mask(inputs, outputs, kind, colours)
    return masked(nn.Conv2d(inputs, outputs, kernel, padding=middle), mask)


def colour_mask(inputs: int, outputs: int, kind: Literal["A", "B"], colours: int) -> Tensor:
    """1.0 where an output channel sees an input channel of its own pixel, shape (outputs, inputs)."""
    source = torch.arange(inputs) * colours // inputs  # the colour of every input channel
    target = torch.arange(outputs) * colours // outputs
    sees = source[None, :] < target[:, None] if kind == "A" else source[None, :] <= target[:, None]
    return sees.float()


def colour_linear(inputs: int, outputs: int, colours: int) -> nn.Linear:
    """A convolution 1×1 of kind B over channels that are the last axis."""
    layer = nn.Linear(inputs, outputs)
    return layer if colours == 1 else masked(layer, colour_mask(inputs, outputs, "B", colours))


def centred(x: Tensor, levels: int) -> Tensor:
    """Levels as numbers from −1 to 1, the same shape."""
    return x * (2 / (levels - 1)) - 1


def per_dimension(maps: Tensor, outputs: int) -> Tensor:
    """Maps (batch, colours · outputs, height, width) as logits (batch, dims, outputs)."""
    colours = maps.shape[1] // outputs
    split = maps.unflatten(1, (colours, outputs))  # (batch, colours, outputs, height, width)
    return split.movedim(2, -1).flatten(1, 3)
