"""The normal law far from its middle and over cells: tails, and what lies between two numbers.

By elementary operations, so that they are computed in double precision also in ONNX Runtime.
"""

import math

import numpy as np
import torch
from numpy.polynomial import chebyshev
from scipy.special import erfcx
from torch import Tensor

_DEGREE = 10
_LEAST = 1e-15


def _remainder(s: np.ndarray) -> np.ndarray:
    """f(t) at t = (s + 1) / 2, s in (−1, 1)."""
    t = (s + 1) / 2
    return np.log(erfcx(2 / t - 2) / t)


_POWERS = [float(value) for value in chebyshev.cheb2poly(chebyshev.chebinterpolate(_remainder, _DEGREE))]


def log_upper_tail(z: Tensor) -> Tensor:
    """Log P(Z > z) for z ≥ 0, float64, any shape; by elementary operations, in double precision also in ONNX Runtime.

    Far out a tail probability underflows and 1 − Φ loses all its digits, so neither can be computed first. With
    x = z / √2 and t = 2 / (2 + x), log erfc(x) = log t − x² + f(t), where f is smooth on [0, 1]; here a polynomial
    interpolates it at Chebyshev points. The relative error of the logarithm is below 10⁻⁷ from z = 0 to the end of the
    numbers.
    """
    x = z / math.sqrt(2)
    t = 2 / (2 + x)
    s = 2 * t - 1
    f = torch.full_like(s, _POWERS[-1])
    for power in reversed(_POWERS[:-1]):
        f = f * s + power
    return torch.log(t / 2) + f - x.square()


def mixture_log_tail(log_weights: Tensor, z: Tensor, dim: int) -> Tensor:
    """Log of 2 min(F, 1 − F), F the distribution function of a mixture of Gaussians; at most 0, float64.

    ``z`` holds the standardised distances from the components, which lie along ``dim`` and have log-weights that sum to
    one. 0 is the median of the mixture.
    """
    return log_two_sided(*mixture_log_sides(log_weights, z, dim))


def mixture_log_sides(log_weights: Tensor, z: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Log F and log(1 − F), as in ``mixture_log_tail``."""
    away = log_upper_tail(z.double().abs())
    toward = torch.log1p(-torch.exp(away))
    below = torch.logsumexp(log_weights + torch.where(z < 0, away, toward), dim)
    above = torch.logsumexp(log_weights + torch.where(z < 0, toward, away), dim)
    return below, above


def log_two_sided(below: Tensor, above: Tensor) -> Tensor:
    """Log of twice the smaller of two probabilities that are given by their logarithms; at most 0."""
    return torch.clamp(torch.minimum(below, above) + math.log(2), max=0)


_NARROW = 0.01  # standard deviations; below, a density at the middle times the width is the more exact


def log_between(low: Tensor, high: Tensor) -> Tensor:
    """Log P(low < Z < high) of a normal Z, any shape; low < high, in standard deviations.

    Differences of tails on the side on which they are small keep their digits wherever the cell is, and the cells of a
    line sum to one. Of a narrow cell both ends have the same tail to the last digits: it gets density times width.
    """
    middle, width = (low + high) / 2, high - low
    near = torch.where(middle < 0, -high, low)  # mirrored, so that the end that is further out is above 0
    far = torch.where(middle < 0, -low, high)
    aside = near > 0
    upper, lower = log_upper_tail(torch.clamp(far, min=0)), log_upper_tail(near.abs())
    difference = torch.clamp(lower - upper, min=_LEAST)
    beside = lower + torch.log(-torch.expm1(torch.where(aside, -difference, -1.0)))
    outside = torch.where(aside, 0.25, torch.exp(lower) + torch.exp(upper))
    wide = torch.where(aside, beside, torch.log1p(-torch.clamp(outside, max=1 - _LEAST)))
    narrow = width * (1 + middle.abs()) < _NARROW
    density = -0.5 * middle.square() - 0.5 * math.log(2 * math.pi) + torch.log(width)
    return torch.where(narrow, density, wide)
