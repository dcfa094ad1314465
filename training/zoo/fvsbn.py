"""FVSBN: every dimension is a logistic regression on the dimensions before it.

A fully visible sigmoid belief network has no hidden units: logit p(x_d = 1 | x_<d) = b_d + Σ_{j before d} W_dj x_j,
with W strictly lower triangular in the order of the dimensions. The log-likelihood is concave in (W, b) and costs one
triangular product. Sampling keeps the logits of all dimensions running: once x_j is drawn, its column of W is added to
them, O(D²) for the whole image instead of D triangular products.

B. Frey, G. Hinton, P. Dayan, "Does the wake-sleep algorithm produce good density estimators?", NIPS 8, 1996 (logistic
autoregressive network); R. Neal, "Connectionist learning of belief networks", Artificial Intelligence 56, 1992.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from training.zoo.base import Facts, Known, Noise, Options, Sequence, SequentialSampler, Tensors, draw_bernoulli
from training.zoo.parts.conditionals import (
    BinaryConditionals,
    OrderOptions,
    keep,
    of_rows,
    one_by_one,
    ordering,
    placed,
)


class FvsbnOptions(OrderOptions):
    """Options of ``fvsbn``."""


class Fvsbn(BinaryConditionals, SequentialSampler):
    """Logistic autoregressive network over binary dimensions; exact log p(x), samples in steps."""

    title = "FVSBN"
    paper = "Neal 1992; Frey, Hinton & Dayan 1996"
    Options: ClassVar[type[Options]] = FvsbnOptions

    def __init__(self, facts: Facts, options: FvsbnOptions) -> None:
        super().__init__(facts, options)
        order = ordering(facts.event_shape, options.order, options.order_seed)
        self.register_buffer("order", order, persistent=False)  # dimensions from first to last
        self.register_buffer("place", torch.argsort(order), persistent=False)  # of each dimension in the order
        self.weight = nn.Parameter(torch.zeros(self.dims, self.dims))  # rows and columns in order
        self.bias = nn.Parameter(torch.zeros(self.dims))

    def compact(self) -> None:
        """Clears the part of the weight that nothing reads."""
        self.weight.data = self.weight.data.tril(-1)

    def logits(self, x: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims), for x of the same shape."""
        ordered = nn.functional.linear(x[:, self.order], self.weight.tril(-1), self.bias)
        return ordered[:, self.place]

    @property
    def noise(self) -> tuple[Noise, ...]:
        """One uniform number per dimension."""
        return (Noise("u", "uniform", (self.dims,)),)

    def sequence(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> Sequence:
        """The logits of all dimensions, kept running."""
        columns = self.weight.tril(-1).T.contiguous()

        def at(positions: Tensor) -> Tensors:
            return columns.index_select(0, positions), *of_rows(positions, self.order, noise, known)

        def step(state: Tensors, inputs: Tensors) -> tuple[Tensors, Tensor]:
            (logits,) = state
            position, column, draw, *given = inputs  # (1,), (dims,), (batch,), …
            bit = draw_bernoulli(logits.index_select(1, position), draw[:, None], temperature)  # (batch, 1)
            bit = keep(bit[:, 0], *given)
            return (logits + bit[:, None] * column,), bit.clone()

        start = self.bias.expand(temperature.shape[0], -1).clone()
        return Sequence(self.dims, (start,), at, one_by_one(step), self._read)

    def _read(self, bits: Tensor) -> Tensor:
        return placed(bits, self.place, self.event_shape, self.options.order)
