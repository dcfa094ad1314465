"""Conditionals of real dimensions: mixtures of Gaussians, given by three outputs of a network for every component.

Outputs are the logits of the weights (a softmax makes them weights), the means, and what a softplus makes standard
deviations of. A floor is added to these, without which a repeated value would have unbounded likelihood.
"""

import math
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from training.cells import Cells
from training.cells.normal_law import log_between, log_two_sided, mixture_log_sides
from training.zoo.base import Noise, Options


class MixtureOptions(Options):
    """Options of every family whose conditionals are mixtures of Gaussians."""

    components: int = Field(default=10, ge=1, description="Gaussians in each conditional")
    sigma_floor: float = Field(default=1e-2, gt=0, description="least standard deviation, in model space")


@dataclass(frozen=True)
class Mixture:
    """One-dimensional mixtures of Gaussians; all tensors (…, components)."""

    log_weights: Tensor
    means: Tensor
    sigmas: Tensor

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density of x (…)."""
        z = (x[..., None] - self.means) / self.sigmas
        normal = -0.5 * z.square() - torch.log(self.sigmas) - 0.5 * math.log(2 * math.pi)
        return torch.logsumexp(self.log_weights + normal, -1)

    def log_prob_in(self, cells: Cells, x: Tensor) -> Tensor:
        """Log-density of x (…, dims), or the log-probability of its cell where the values of a column lie apart."""
        density = self.log_prob(x)
        if not cells.apart:
            return density
        low, high = (((end[..., None] - self.means) / self.sigmas) for end in cells.bounds(x))
        mass = torch.logsumexp(self.log_weights + log_between(low, high), -1)
        return torch.where(cells.quantum > 0, mass.to(density.dtype), density)

    def log_tail_in(self, cells: Cells, x: Tensor) -> Tensor:
        """Log of 2 min(F, 1 − F) at x (…, dims), F the distribution function; float64.

        Of a value that lies apart F is P(less) + P(this) / 2, the mean of those at the ends of its cell: where in the
        cell a density lies that was fitted to its probability, says nothing.
        """
        sides = self._log_sides(x)
        if not cells.apart:
            return log_two_sided(*sides)
        ends = (self._log_sides(end) for end in cells.bounds(x))
        halves = [torch.logsumexp(torch.stack(pair), 0) - math.log(2) for pair in zip(*ends, strict=True)]
        mixed = [torch.where(cells.quantum > 0, half, side) for half, side in zip(halves, sides, strict=True)]
        return log_two_sided(*mixed)

    def _log_sides(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return mixture_log_sides(self.log_weights, (x[..., None] - self.means) / self.sigmas, -1)

    def draw(self, component: Tensor, eps: Tensor, temperature: Tensor) -> Tensor:
        """Values (…): a uniform number chooses the component, a normal one the value in it; both (…).

        ``temperature`` has as many axes.
        """
        ends = torch.cumsum(torch.exp(self.log_weights), -1)[..., :-1]  # the last component takes what rounding leaves
        chosen = (component[..., None] >= ends).sum(-1, keepdim=True)
        mean, sigma = (part.gather(-1, chosen)[..., 0] for part in (self.means, self.sigmas))
        return mean + temperature * eps * sigma


class MixtureHead:
    """Outputs of a network → mixtures of Gaussians, and what it takes to draw from them."""

    temperature = "multiplies the standard deviation of each component that is drawn"

    def __init__(self, options: MixtureOptions) -> None:
        self.components, self.sigma_floor = options.components, options.sigma_floor
        self.outputs = 3 * options.components

    def first_bias(self, dims: int) -> Tensor:
        """Random biases that set the components of a dimension apart, shape (dims, 3 components)."""
        return torch.randn(dims, self.outputs) * torch.tensor([0.1, 1, 0.1]).repeat_interleave(self.components)

    def noise(self, dims: int) -> tuple[Noise, ...]:
        """For every dimension a uniform number to choose the component and a normal one inside it."""
        return (Noise("component", "uniform", (dims,)), Noise("eps", "normal", (dims,)))

    def __call__(self, outputs: Tensor) -> Mixture:
        """The conditionals of outputs (…, 3 components)."""
        weights, means, sigmas = outputs.split(self.components, -1)
        return Mixture(torch.log_softmax(weights, -1), means, self.sigma_floor + _softplus(sigmas))

    def mixed(self, outputs: Tensor, log_weights: Tensor) -> Mixture:
        """Mixtures of parts' conditionals: outputs (parts, …, 3 components), log-weights that sum to one (parts, …)."""
        parts = self(outputs)
        every = (parts.log_weights + log_weights[..., None], parts.means, parts.sigmas)
        return Mixture(*(torch.cat(list(array), -1) for array in every))


def _softplus(x: Tensor) -> Tensor:
    """log(1 + eˣ), written out because ONNX Runtime has no Softplus in double precision."""
    return torch.clamp(x, min=0) + torch.log1p(torch.exp(-x.abs()))
