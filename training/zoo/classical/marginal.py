"""Gaussians over the columns of a row that are there: the marginal of a Gaussian is one over the other dimensions.

With the rows and columns of Σ that belong to missing dimensions replaced by those of the identity, and x − μ by 0
there, determinant and quadratic form are those of the block that is left. Eliminating its columns from first to last
gives the chain rule as well: the pivot is the variance of x_i given the observed dimensions before it, and what is left
of x_i − μ_i is its distance from the conditional mean. A missing dimension has pivot 1 and distance 0.

Complete rows take the matrix product of ``gaussian.whitened``, and their bits do not depend on rows beside them. An
exported graph branches, per batch and then per row; eagerly, and while TorchScript traces, rows are picked instead.
"""

import math

import torch
from torch import Tensor

from training.zoo.classical.gaussian import log_precision, whitened
from training.zoo.scan import scan


def observed_normals(x: Tensor, means: Tensor, cholesky: Tensor, whitening: Tensor) -> Tensor:
    """Standardised distance and log-precision of every x_i given the observed x_<i; NaN in x is missing.

    Float64, shape (batch, 2, components, dims), for x (batch, dims); both are 0 where x is missing. The log-precision
    is −log of the conditional standard deviation.
    """
    x = x.double()
    missing = torch.isnan(x)
    covariances = cholesky @ cholesky.transpose(1, 2)  # a constant in a graph; counted, it is the work of a partial row
    arrays = (x, missing, means, whitening, covariances)
    if torch.compiler.is_exporting():
        return torch.cond(missing.any(), _by_row, _complete, arrays)
    found = _filled(*arrays)
    rows = missing.any(1).nonzero()[:, 0]
    return found.index_copy(0, rows, _eliminated(x[rows], missing[rows], means, covariances))


def log_normals(normals: Tensor, x: Tensor) -> Tensor:
    """Log-densities of ``observed_normals``, shape (batch, components, dims); 0 where x, (batch, dims), is missing."""
    found = -0.5 * normals[:, 0].square() + normals[:, 1] - 0.5 * math.log(2 * math.pi)
    return torch.where(torch.isnan(x)[:, None], 0.0, found)


def _complete(x: Tensor, _missing: Tensor, means: Tensor, whitening: Tensor, _covariances: Tensor) -> Tensor:
    z = whitened(x, means, whitening)
    return torch.stack([z, log_precision(whitening).expand_as(z)], 1)


def _filled(x: Tensor, missing: Tensor, means: Tensor, whitening: Tensor, covariances: Tensor) -> Tensor:
    """That of complete rows; of the others some numbers."""
    return _complete(torch.where(missing, 0.0, x), missing, means, whitening, covariances)


def _by_row(x: Tensor, missing: Tensor, means: Tensor, whitening: Tensor, covariances: Tensor) -> Tensor:
    """A loop over rows, so that a row that misses nothing costs little, and one that does needs memory for itself."""

    def step(carry: Tensor, row: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        one, gaps, complete = row
        arrays = (one, gaps, complete, means, covariances)
        return carry.clone(), torch.cond(gaps.any(), _partial_row, _complete_row, arrays)

    filled = _filled(x, missing, means, whitening, covariances)
    return scan(step, torch.zeros(1), (x, missing, filled))


def _partial_row(x: Tensor, missing: Tensor, _complete: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    return _eliminated(x, missing, means, covariances)


def _complete_row(_x: Tensor, _missing: Tensor, complete: Tensor, _means: Tensor, _covariances: Tensor) -> Tensor:
    return complete.clone()


def _eliminated(x: Tensor, missing: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    """The same for any rows, shape (…, 2, components, dims) for x (…, dims)."""
    observed = (~missing).to(x.dtype)[..., None, :]  # (…, 1, dims)
    block = covariances * observed[..., :, None] * observed[..., None, :] + torch.diag_embed(1 - observed)
    rest = torch.where(missing[..., None, :], 0.0, x[..., None, :] - means)
    system = torch.cat([block, rest[..., None]], -1)  # (…, components, dims, dims + 1)
    places = torch.arange(means.shape[1], device=x.device)
    found = scan(_eliminate, system, (places,))  # (dims, …, 2, components)
    return found.movedim(0, -1).contiguous()


def _eliminate(system: Tensor, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """One column of every system: what is left of it to eliminate, and distance and log-precision, (…, 2, components).

    What is above the pivot is not used again.
    """
    place = inputs[0].reshape(1)
    row, column = system.index_select(-2, place), system.index_select(-1, place)
    pivot = row.index_select(-1, place)  # (…, components, 1, 1)
    distance = row[..., 0, -1] / torch.sqrt(pivot[..., 0, 0])
    precision = -0.5 * torch.log(pivot[..., 0, 0])
    return system - column * (row / pivot), torch.stack([distance, precision], -2)
