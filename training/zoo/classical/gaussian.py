"""Gaussians with one lower Cholesky factor each, L Lᵀ = Σ, so that density, samples and chain rule are a few lines.

With z = L⁻¹(x − μ), z_i depends on x_1..x_i only, hence log p(x_i | x_<i) = −½ z_i² − log L_ii − ½ log 2π. All of it
is float64, also in exported graphs.
"""

import math

import torch
from torch import Tensor


def whitening_of(cholesky: Tensor) -> Tensor:
    """The inverses of lower triangular matrices, shape (components, dims, dims)."""
    eye = torch.eye(cholesky.shape[-1], dtype=cholesky.dtype).expand_as(cholesky)
    return torch.linalg.solve_triangular(cholesky, eye, upper=False)


def gaussian_conditionals(x: Tensor, means: Tensor, whitening: Tensor) -> Tensor:
    """Log p(x_i | x_<i) under every Gaussian, shape (batch, components, dims), for x (batch, dims).

    ``means`` has shape (components, dims), ``whitening``, the inverse Cholesky factors, (components, dims, dims).
    """
    z = whitened(x, means, whitening)
    return -0.5 * z.square() + log_precision(whitening) - 0.5 * math.log(2 * math.pi)


def log_precision(whitening: Tensor) -> Tensor:
    """−log L_ii, minus the logarithm of the conditional standard deviations, shape (components, dims)."""
    components, dims, _ = whitening.shape
    return torch.log(whitening.reshape(components, dims * dims)[:, :: dims + 1])  # the diagonal, a constant in a graph


def whitened(x: Tensor, means: Tensor, whitening: Tensor) -> Tensor:
    """L⁻¹(x − μ) for every Gaussian, float64, shape (batch, components, dims)."""
    # One 2-d product for all components; broadcasting a batched matmul would be slower in ONNX Runtime.
    components, dims = means.shape
    stacked = whitening.reshape(components * dims, dims)
    offset = (whitening @ means[:, :, None]).reshape(components * dims)
    return (x.double() @ stacked.T - offset).reshape(-1, components, dims)


def draw_gaussian(mean: Tensor, cholesky: Tensor, eps: Tensor, temperature: Tensor) -> Tensor:
    """Samples μ + t L ε, shape (batch, dims), for one Gaussian per row; ``temperature`` (batch,) scales deviations."""
    spread = (cholesky @ eps.double()[:, :, None])[:, :, 0]
    return mean + temperature.double()[:, None] * spread
