"""What autoregressive families over levels 0..V−1 share: all conditionals are categorical, given by their logits.

Two levels need one logit, that of a one; more need one each.
"""

from abc import abstractmethod

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.autoregressive.conditionals.order import raster
from training.zoo.base import (
    Autoregressive,
    Family,
    FixedPointSampler,
    LikelihoodTrained,
    Options,
    bernoulli_log_prob,
)


class DiscreteOptions(Options):
    """Options of every family over levels."""

    levels: int = Field(default=2, ge=2, description="values a dimension can take; without it what the transform gives")


class DiscreteConditionals(Family, Autoregressive, LikelihoodTrained):
    """Exact log p(x) = Σ_d log p(x_d | x_<d) from the logits of all conditionals; a family adds its sampler."""

    kind = "exact"
    space = ("binary", "levels")
    temperature = "divides every conditional's logits: below 1 cleaner and less varied, above 1 wilder"

    def __init__(self, event_shape: tuple[int, ...], options: DiscreteOptions) -> None:
        super().__init__(event_shape, options)
        self.order = raster(event_shape)
        self.outputs = logits_per_dimension(options.levels)

    @abstractmethod
    def logits(self, x: Tensor, **told: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims, outputs), for x (batch, *event_shape).

        ``told`` is ``label=…`` for a LabelConditioned family; without it the label is not known.
        """

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
