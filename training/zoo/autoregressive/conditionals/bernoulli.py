"""Conditionals of binary dimensions: Bernoulli, given by one output of a network."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.zoo.base import Noise, bernoulli_log_prob


@dataclass(frozen=True)
class Bernoullis:
    """Conditionals of binary dimensions; logits (batch, dims)."""

    logits: Tensor

    def log_prob(self, x: Tensor) -> Tensor:
        """Log p of x, in nats; same shape as x."""
        return bernoulli_log_prob(self.logits, x)

    def draw(self, u: Tensor, temperature: Tensor) -> Tensor:
        """Zeros and ones (batch, dims) for uniform u of the same shape; temperature (batch, 1)."""
        return (u < torch.sigmoid(self.logits / temperature)).to(self.logits.dtype)


class BernoulliHead:
    """One output per dimension, the logit of a one."""

    outputs = 1
    temperature = "divides every conditional's logit: below 1 cleaner and less varied, above 1 wilder"

    def noise(self, dims: int) -> tuple[Noise, ...]:
        """A uniform number for every dimension."""
        return (Noise("u", "uniform", (dims,)),)

    def __call__(self, outputs: Tensor) -> Bernoullis:
        """The conditionals of outputs (…, dims, 1)."""
        return Bernoullis(outputs[..., 0])

    def mixed(self, outputs: Tensor, log_weights: Tensor) -> Bernoullis:
        """The mixtures of parts' conditionals: outputs (parts, …, dims, 1), log-weights (parts, …, dims)."""
        logits = outputs[..., 0]
        one = torch.logsumexp(log_weights - nn.functional.softplus(-logits), 0)
        zero = torch.logsumexp(log_weights - nn.functional.softplus(logits), 0)
        return Bernoullis(one - zero)
