"""The conditionals of PixelCNN++: mixtures of logistic distributions over levels, and their counterpart for two levels.

Levels 0..V−1 lie at equal distances on [−1, 1]. The probability of a level is the mass of a logistic distribution
between the middles to its neighbours; the first and the last level also take everything beyond. The colours of a pixel
share the component, and means move linearly with the colours before: Σ_k π_k p_k(r) p_k(g | r) p_k(b | r, g). So given
the colours before, a component's weight is what those colours leave of it; that is how colours are drawn one by one.

T. Salimans, A. Karpathy, X. Chen, D. Kingma, 2017, arXiv 1701.05517; equations 1-3.
"""

import math
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.zoo.autoregressive.pixelcnn import centred
from training.zoo.base import Noise, bernoulli_log_prob, draw_bernoulli

_NARROWEST = -1.5  # least log-scale in halves of a level: −7 for 256 levels, as in the paper
_WIDEST = 7.0  # largest log-scale; a logistic 500 times as wide as the range is as good as two equal ends


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
    ``means`` and ``log_scales`` (batch, colours, components, height, width) on [−1, 1].
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
