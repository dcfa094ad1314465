"""Samples of Gaussians given some of their dimensions.

A sample z of N(μ, Σ) becomes one given x_i by z ← z + Σ_·i (x_i − z_i) / Σ_ii, and Σ loses Σ_·i Σ_i· / Σ_ii: then z
follows the conditional distribution exactly, and Σ is its covariance. (Geostatistics knows this as conditioning by
kriging; it takes one dimension after the other, so that it is a loop without a solver.) The noise that made z
stays an input. A temperature with which z was drawn scales its deviations from the conditional mean.
"""

import torch
from torch import Tensor

from training.zoo.base import Known
from training.zoo.parts.conditionals import scan, scan_to_end


def given(drawn: Tensor, known: Known, chosen: Tensor, cholesky: Tensor) -> Tensor:
    """Samples of Gaussians as samples given what is known of them; float64, shape (batch, dims).

    ``chosen`` (batch,) says which Gaussian a row was drawn from, ``cholesky`` (components, dims, dims) holds all their
    factors. A row of which nothing is known stays as it is.
    """
    mask, x = known.mask.flatten(1), known.x.flatten(1).double()
    covariances = cholesky @ cholesky.transpose(1, 2)  # a constant in a graph
    arrays = (drawn, x, mask, chosen, covariances)
    if torch.compiler.is_exporting():
        return torch.cond(mask.any(), _by_row, _as_drawn, arrays)
    rows = mask.any(1).nonzero()[:, 0]
    conditioned = _conditioned(drawn[rows], x[rows], mask[rows], covariances[chosen[rows]])
    return drawn.index_copy(0, rows, conditioned)


def _as_drawn(drawn: Tensor, _x: Tensor, _mask: Tensor, _chosen: Tensor, _covariances: Tensor) -> Tensor:
    return drawn.clone()


def _by_row(drawn: Tensor, x: Tensor, mask: Tensor, chosen: Tensor, covariances: Tensor) -> Tensor:
    """A loop over rows, so that only one covariance at a time needs memory."""

    def step(carry: Tensor, row: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        one, values, observed, component = row
        return carry.clone(), _conditioned(one, values, observed, covariances.index_select(0, component.reshape(1))[0])

    return scan(step, torch.zeros(1), (drawn, x, mask, chosen))


def _conditioned(drawn: Tensor, x: Tensor, mask: Tensor, covariance: Tensor) -> Tensor:
    """The same for any rows, shape (…, dims), with a covariance each, (…, dims, dims)."""
    system = torch.cat([covariance, drawn[..., None]], -1)
    places = torch.arange(drawn.shape[-1], device=drawn.device)
    inputs = (places, x.movedim(-1, 0).contiguous(), mask.to(x.dtype).movedim(-1, 0).contiguous())
    return scan_to_end(_condition, system, inputs)[0][..., -1]


def _condition(system: Tensor, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Covariance and sample, side by side, after one more dimension, where it is known."""
    place, x, observed = inputs[0].reshape(1), inputs[1], inputs[2]
    row, column = system.index_select(-2, place), system.index_select(-1, place)
    gain = observed[..., None, None] * column / row.index_select(-1, place)  # (…, dims, 1)
    distance = torch.cat([row[..., :-1], row[..., -1:] - x[..., None, None]], -1)
    return system - gain * distance, x.clone()
