"""PixelCNN++: shifted convolutions at several scales give every pixel a mixture of discretised logistics.

Instead of one number per grey level, a conditional is a mixture of a few logistic distributions cut into levels, so
that neighbouring levels know of each other; for black and white pictures it is a Bernoulli. The colours of a pixel are
not told apart by the network but by the mixture: they share the component, and means move linearly with the colours
before. The network looks at pixels before by shifting the picture, where PixelCNN masks weights; it halves the picture
between scales to see far, and doubles it again with shortcuts from the states of the same size. Weights are not
normalised and not set from a first batch, as the original's are: a loss would then depend on what was seen first.

T. Salimans, A. Karpathy, X. Chen, D. Kingma, "PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture
Likelihood and Other Modifications", ICLR 2017, arXiv 1701.05517; section 2, figure 2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import elu, logsigmoid, pad

from training.zoo.base import (
    Autoregressive,
    Facts,
    Family,
    FixedPointSampler,
    LikelihoodTrained,
    Noise,
    Options,
    bernoulli_log_prob,
    draw_bernoulli,
)
from training.zoo.parts.conditionals import centred, raster

_NARROWEST = -1.5  # least log-scale in halves of a level: −7 for 256 levels, as in the paper
_WIDEST = 7.0  # largest log-scale; a logistic 500 times as wide as the range is as good as two equal ends

Convolution = Callable[..., nn.Module]
State = tuple[Tensor, Tensor]


class PixelCnnPpOptions(Options):
    """Options of ``pixelcnn_pp``."""

    channels: int = Field(default=64, ge=1, description="channels of either stream")
    blocks: int = Field(default=2, ge=1, description="residual blocks of every scale, one way")
    scales: int = Field(default=3, ge=1, description="sizes of the picture; each is half the one before")
    components: int = Field(default=10, ge=2, description="logistics in each conditional of more than two levels")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of the units left out inside a block")


class PixelCnnPp(Family, Autoregressive, LikelihoodTrained, FixedPointSampler):
    """Shifted convolutions over pictures of levels; exact log p(x), exact samples by fixed point."""

    title = "PixelCNN++"
    paper = "Salimans et al. 2017, arXiv 1701.05517"
    kind = "exact"
    space = ("binary", "levels")
    temperature = (
        "divides logits, of weights too, and multiplies scales: below 1 cleaner and less varied, above 1 wilder"
    )
    Options: ClassVar[type[Options]] = PixelCnnPpOptions

    def __init__(self, facts: Facts, options: PixelCnnPpOptions) -> None:
        super().__init__(facts, options)
        _check(facts.event_shape, options.scales)
        colours = facts.event_shape[0]
        self.order = raster(facts.event_shape)
        self.head = Head(colours, facts.levels, options.components)
        self.network = ShiftedNetwork(
            colours, self.head.outputs, options.channels, options.blocks, options.scales, options.dropout
        )

    @property
    def noise(self) -> tuple[Noise, ...]:
        """Uniform numbers for the level of every dimension and, beyond two levels, for the component before."""
        return self.head.noise(self.dims)

    def conditionals(self, x: Tensor) -> "Conditionals":
        """All conditionals given x (batch, *event_shape)."""
        return self.head(self.network(centred(x, self.facts.levels)), x)

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape)."""
        return self.conditionals(x).log_prob(x)

    def loss(self, x: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats."""
        return -self.log_prob(x).mean()

    def propose(self, x: Tensor, *noise: Tensor, temperature: Tensor) -> Tensor:
        """All dimensions redrawn given those before them, shape (batch, *event_shape)."""
        return self.conditionals(x).draw(x, *noise, temperature=temperature)


def _check(event_shape: tuple[int, ...], scales: int) -> None:
    if len(event_shape) != 3:
        raise ValueError(f"expected pictures (channels, height, width), got items of shape {event_shape}")
    step = 2 ** (scales - 1)
    _, height, width = event_shape
    if height % step or width % step:
        raise ValueError(
            f"{scales} scales need a height and width that {step} divides, got {height}x{width}; use fewer scales"
        )


class Conditionals(Protocol):
    """All conditionals of a batch of pictures, given the pictures x (batch, colours, height, width)."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d) in nats, shape of x."""

    def draw(self, x: Tensor, *noise: Tensor, temperature: Tensor) -> Tensor:
        """Every dimension drawn given those before it in x, shape of x; noises (batch, dims), temperature (batch,)."""


@dataclass(frozen=True)
class Bernoullis:
    """Two levels: ``logits`` (batch, colours, height, width)."""

    logits: Tensor

    def log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d) in nats, shape of x."""
        return bernoulli_log_prob(self.logits, x)

    def draw(self, x: Tensor, *noise: Tensor, temperature: Tensor) -> Tensor:
        """1.0 where u is below the probability of a one, shape of x."""
        (u,) = noise
        return draw_bernoulli(self.logits.flatten(1), u, temperature).reshape(x.shape)


@dataclass(frozen=True)
class LogisticMixtures:
    """More levels: logits of the components' ``weights`` (batch, 1, components, height, width), and the components'
    ``means`` and ``log_scales`` (batch, colours, components, height, width) on [−1, 1], where levels lie evenly.

    The probability of a level is the mass of a logistic distribution between the middles to its neighbours; the first
    and the last level also take everything beyond. The colours of a pixel share the component, and means move linearly
    with the colours before: Σ_k π_k p_k(r) p_k(g | r) p_k(b | r, g). So given the colours before, a component's weight
    is what those colours leave of it; that is how colours are drawn one by one. (Equations 1-3.)
    """

    weights: Tensor
    means: Tensor
    log_scales: Tensor
    levels: int

    def log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d) in nats, shape of x."""
        masses = self._log_masses(x)
        return torch.logsumexp(torch.log_softmax(self._given_earlier_colours(masses), 2) + masses, 2)

    def draw(self, x: Tensor, *noise: Tensor, temperature: Tensor) -> Tensor:
        """A component by inverse CDF at ``component``, then the level that holds its quantile at ``u``; shape of x."""
        component, u = (array.reshape(x.shape) for array in noise)
        tempered = self._at(temperature[:, None, None, None, None])
        weights = torch.softmax(tempered._given_earlier_colours(tempered._log_masses(x)), 2)
        ends = torch.cumsum(weights, 2)[:, :, :-1]  # the last component takes what rounding leaves
        chosen = (component[:, :, None] >= ends).sum(2, keepdim=True)  # (batch, colours, 1, height, width)
        mean = tempered.means.gather(2, chosen)[:, :, 0]
        scale = torch.exp(tempered.log_scales.gather(2, chosen)[:, :, 0])
        value = mean + scale * (torch.log(u) - torch.log1p(-u))
        return torch.clamp(torch.floor((value + 1) / 2 * (self.levels - 1) + 0.5), 0, self.levels - 1)

    def _at(self, temperature: Tensor) -> "LogisticMixtures":
        return replace(self, weights=self.weights / temperature, log_scales=self.log_scales + torch.log(temperature))

    def _log_masses(self, x: Tensor) -> Tensor:
        """Log-probability of x in every component, (batch, colours, components, height, width).

        With a and b the standardised ends of a level, σ(b) − σ(a) = σ(b) σ(−a) (1 − exp(a − b)): no cancellation.
        """
        half = 1 / (self.levels - 1)
        x = x[:, :, None]
        distance, inverse = centred(x, self.levels) - self.means, torch.exp(-self.log_scales)
        first, last = x == 0, x == self.levels - 1
        not_below = torch.where(first, 0.0, logsigmoid((half - distance) * inverse))
        not_above = torch.where(last, 0.0, logsigmoid((half + distance) * inverse))
        both = torch.where(first | last, 0.0, _log_one_minus_exp(math.log(2 * half) - self.log_scales))
        return not_below + not_above + both

    def _given_earlier_colours(self, masses: Tensor) -> Tensor:
        """Logits of the components given the colours before, (batch, colours, components, height, width)."""
        before = torch.cumsum(masses, 1)[:, :-1]
        return self.weights + torch.cat([torch.zeros_like(masses[:, :1]), before], 1)


def _log_one_minus_exp(log_d: Tensor) -> Tensor:
    """log(1 − exp(−d)) for d > 0; by a series where d is small, because ONNX has no expm1."""
    d = torch.exp(log_d)
    large = torch.log(1 - torch.exp(-torch.clamp(d, min=0.1)))
    small = torch.clamp(d, max=0.1)
    return torch.where(d < 0.1, log_d - small / 2 + small.square() / 24, large)


@dataclass(frozen=True)
class Head:
    """What turns ``outputs`` numbers of a network per pixel into conditionals, and the noise these are drawn with."""

    colours: int
    levels: int
    components: int

    @property
    def outputs(self) -> int:
        """Numbers per pixel: per component a weight, and means, log-scales and coefficients; or logits instead."""
        pairs = _pairs(self.colours)
        return self.colours + pairs if self.levels == 2 else self.components * (1 + 2 * self.colours + pairs)

    def noise(self, dims: int) -> tuple[Noise, ...]:
        """Uniform numbers per dimension: for the component, if there are any, and for the level."""
        u = Noise("u", "uniform", (dims,))
        return (u,) if self.levels == 2 else (Noise("component", "uniform", (dims,)), u)

    def __call__(self, y: Tensor, x: Tensor) -> Conditionals:
        """From a network's y (batch, outputs, height, width) and x (batch, colours, height, width); precision of x."""
        colours, pairs, at = self.colours, _pairs(self.colours), centred(x, self.levels)[:, :, None]
        if self.levels == 2:
            logits, coefficients = y.to(x.dtype).unsqueeze(2).split([colours, pairs], 1)
            return Bernoullis((logits + _moves(coefficients, at))[:, :, 0])
        y = y.to(x.dtype).unflatten(1, (-1, self.components))
        weights, means, log_scales, coefficients = y.split([1, colours, colours, pairs], 1)
        narrowest = math.log(1 / (self.levels - 1)) + _NARROWEST
        means = means + _moves(torch.tanh(coefficients), at)
        return LogisticMixtures(weights, means, torch.clamp(log_scales, narrowest, _WIDEST), self.levels)


def _pairs(colours: int) -> int:
    """Pairs of a colour and one before it."""
    return colours * (colours - 1) // 2


def _moves(coefficients: Tensor, x: Tensor) -> Tensor | float:
    """Σ_j w_cj x_j over the colours j before c, (batch, colours, …); w is (batch, pairs, …), colour by colour."""
    colours = x.shape[1]
    if colours == 1:
        return 0.0
    moves = [torch.zeros_like(coefficients[:, 0])]
    for colour in range(1, colours):
        own = coefficients[:, _pairs(colour) : _pairs(colour + 1)]  # (batch, colour, …)
        moves.append((own * x[:, :colour]).sum(1))
    return torch.stack(moves, 1)


class ShiftedNetwork(nn.Module):
    """Pictures (batch, inputs, height, width) → numbers (batch, outputs, height, width) that know earlier pixels.

    One stream holds what rows above say, the other what all pixels before say; a gated residual block of the second
    also sees the first. On the way down the picture is halved between scales, on the way up doubled again, and every
    block on the way up sees the state of the same size it mirrors. A coarse pixel sees what the first of its four fine
    pixels may see, so all four may see it.
    """

    def __init__(self, inputs: int, outputs: int, channels: int, blocks: int, scales: int, dropout: float) -> None:
        super().__init__()
        inputs += 1  # ones, which tell a pixel from what lies around the picture
        self.above = _down(inputs, channels)
        self.row_above = nn.Conv2d(inputs, channels, (1, 3), padding=(0, 1))
        self.pixel_before = nn.Sequential(nn.ZeroPad2d((0, 0, 1, 0)), nn.Conv2d(inputs, channels, (2, 1)))
        self.shrinking = nn.ModuleList(
            nn.ModuleList(_Block(channels, dropout, mirrored=False) for _ in range(blocks)) for _ in range(scales)
        )
        self.halving = nn.ModuleList(_Halve(channels) for _ in range(scales - 1))
        self.growing = nn.ModuleList(
            nn.ModuleList(_Block(channels, dropout, mirrored=True) for _ in range(blocks + (scale > 0)))
            for scale in range(scales)
        )
        self.doubling = nn.ModuleList(_Double(channels) for _ in range(scales - 1))
        self.last = nn.Conv2d(channels, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Numbers of all pixels, shape (batch, outputs, height, width)."""
        states = self._shrink(self._start(x))
        state = states.pop()
        for scale, blocks in enumerate(self.growing):
            if scale:
                state = self.doubling[scale - 1](state)
            for block in blocks:
                state = block(state, states.pop())
        return self.last(elu(state[1]))

    def _start(self, x: Tensor) -> State:
        x = torch.cat([x, torch.ones_like(x[:, :1])], 1)
        above = pad(self.above(x), (0, 0, 1, -1))
        before = pad(self.row_above(x), (0, 0, 1, -1)) + pad(self.pixel_before(x), (1, -1, 0, 0))
        return above, before

    def _shrink(self, state: State) -> list[State]:
        """The states of all blocks from large to small."""
        states = [state]
        for scale, blocks in enumerate(self.shrinking):
            if scale:
                states.append(self.halving[scale - 1](states[-1]))
            for block in blocks:
                states.append(block(states[-1]))
        return states


class _Block(nn.Module):
    """A gated residual block of either stream, on the way up with the state it mirrors."""

    def __init__(self, channels: int, dropout: float, *, mirrored: bool) -> None:
        super().__init__()
        self.above = _GatedResidual(_down, channels, channels if mirrored else 0, dropout)
        self.before = _GatedResidual(_down_right, channels, 2 * channels if mirrored else channels, dropout)

    def forward(self, state: State, mirrored: State | None = None) -> State:
        """The next state, of the same shape."""
        above, before = state
        if mirrored is None:
            above = self.above(above)
            return above, self.before(before, above)
        above = self.above(above, mirrored[0])
        return above, self.before(before, torch.cat([above, mirrored[1]], 1))


class _GatedResidual(nn.Module):
    """x + a ⊙ σ(b), with a and b two convolutions away from x; ``joining`` channels come in between."""

    def __init__(self, convolution: Convolution, channels: int, joining: int, dropout: float) -> None:
        super().__init__()
        self.first = convolution(2 * channels, channels)
        self.joining = nn.Conv2d(2 * joining, channels, 1) if joining else None
        self.dropout = nn.Dropout(dropout)
        self.second = convolution(2 * channels, 2 * channels)

    def forward(self, x: Tensor, joining: Tensor | None = None) -> Tensor:
        """The same shape as x."""
        y = self.first(_both_signs(x))
        if joining is not None:
            y = y + self.joining(_both_signs(joining))
        a, b = self.second(self.dropout(_both_signs(y))).chunk(2, 1)
        return x + a * torch.sigmoid(b)


class _Halve(nn.Module):
    """Both streams at half the height and width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.above, self.before = _down(channels, channels, stride=2), _down_right(channels, channels, stride=2)

    def forward(self, state: State) -> State:
        """(batch, channels, height / 2, width / 2)."""
        return self.above(state[0]), self.before(state[1])


class _Double(nn.Module):
    """Both streams at twice the height and width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.above = nn.ConvTranspose2d(channels, channels, (2, 3), stride=2, padding=(0, 1), output_padding=(0, 1))
        self.before = nn.ConvTranspose2d(channels, channels, 2, stride=2)

    def forward(self, state: State) -> State:
        """(batch, channels, 2 · height, 2 · width)."""
        return self.above(state[0]), self.before(state[1])


def _down(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    """A convolution over the pixel's row and the one above, to both sides."""
    return nn.Sequential(nn.ZeroPad2d((1, 1, 1, 0)), nn.Conv2d(inputs, outputs, (2, 3), stride))


def _down_right(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    """A convolution over the pixel, the one to its left and the two above them."""
    return nn.Sequential(nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(inputs, outputs, 2, stride))


def _both_signs(x: Tensor) -> Tensor:
    """ELU of x and of −x, twice the channels."""
    return elu(torch.cat([x, -x], 1))
