"""A background model for real-valued pictures: every pixel predicted linearly from four neighbours before it.

x_i = w · (left, above left, above, above right) + b + ε with normal ε, the same w, b and variance everywhere: a
Gaussian field that knows how smooth and how dark the pictures are, and nothing of what they show. It is to real pixels
what the table of symbols in contexts is to discrete ones.
"""

import math

import torch
from torch import Tensor

from training.statistics.background.base import Background
from training.statistics.contexts import neighbours, orientations

_LEAST_VARIANCE = 1e-6  # of pictures that are all alike, in squared units of x
_RIDGE = 1e-4  # of the mean square of x, so that constant pictures have a prediction too


class LinearBackground(Background):
    """log p₀(x) = Σ_i log N(x_i; w · neighbours of i + b, σ²), plus what the transform adds for raw data."""

    def __init__(self, log_det: Tensor) -> None:
        super().__init__()
        self.register_buffer("volume", log_det.double().sum().float())
        self.register_buffer("weight", torch.zeros(4))
        self.register_buffer("bias", torch.zeros(()))
        self.register_buffer("variance", torch.ones(()))

    def fit(self, x: Tensor) -> None:
        """Least squares over every pixel of x, (n, channels, height, width), in all orientations."""
        moments = torch.stack([_moments(view) for view in orientations(x)]).mean(0)  # of neighbours, one, and pixel
        inputs, against, square = moments[:-1, :-1], moments[:-1, -1], moments[-1, -1]
        ridge = _RIDGE * (square + _LEAST_VARIANCE) * torch.eye(len(inputs), dtype=inputs.dtype)
        solved = torch.linalg.solve(inputs + ridge, against)
        residual = square - 2 * solved @ against + solved @ inputs @ solved
        self.weight.copy_(solved[:4])
        self.bias.copy_(solved[4])
        self.variance.copy_(residual.clamp_min(_LEAST_VARIANCE))

    def forward(self, x: Tensor) -> Tensor:
        """Log p₀ of the raw item, nats, shape (n,)."""
        predicted = (self.weight[:, None, None, None, None] * torch.stack(neighbours(x))).sum(0) + self.bias
        squares = (x - predicted).square().flatten(1).sum(1) / self.variance
        dims = x[0].numel()
        return self.volume - 0.5 * (squares + dims * (self.variance.log() + math.log(2 * math.pi)))


def _moments(x: Tensor) -> Tensor:
    """Mean products of (four neighbours, one, pixel), float64, (6, 6)."""
    total = torch.zeros(6, 6, dtype=torch.float64)
    for part in x.split(500):
        pixels = part.double()
        columns = torch.stack([*neighbours(pixels), torch.ones_like(pixels), pixels]).flatten(1)
        total += columns @ columns.T
    return total / x.numel()
