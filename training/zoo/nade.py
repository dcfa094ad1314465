"""NADE: one hidden layer per dimension, all with the same weights, each seeing the dimensions before its own.

h_d = act(c + Σ_{j before d} W_j x_j) and logit p(x_d = 1 | x_<d) = b_d + V_d · h_d. Because the weights are shared, the
activation of dimension d + 1 is that of dimension d plus one row of W: all conditionals cost O(DH), and so does a
sample, which is drawn along the way.

EoNADE trains the same weights for all orders at once: of every item a random set of dimensions is shown, of random
size d, and the network tells the others; −log p of these, times D / (D − d), is on average that of the whole item in a
random order. One pass does it for a batch. Rows U_j, added for every dimension that is shown, tell a zero from what is
hidden. A density is then the mean of those in several fixed random orders, and a sample is one of an order, chosen by
a uniform number.

H. Larochelle, I. Murray, "The Neural Autoregressive Distribution Estimator", AISTATS 2011; algorithm 1. B. Uria,
I. Murray, H. Larochelle, "A Deep and Tractable Density Estimator", ICML 2014, arXiv 1310.1757; equations 9-15 and
section 4 (EoNADE). Rectified units instead of sigmoids: B. Uria et al., "Neural Autoregressive Distribution
Estimation", JMLR 17, 2016, arXiv 1605.02226.
"""

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.base import (
    Facts,
    Known,
    Noise,
    Options,
    Sequence,
    SequentialSampler,
    Tensors,
    bernoulli_log_prob,
    draw_bernoulli,
)
from training.zoo.parts.conditionals import (
    BinaryConditionals,
    OrderOptions,
    attributed,
    keep,
    of_rows,
    one_by_one,
    ordering,
    part_of,
    placed,
)

Activation = Literal["sigmoid", "relu"]
# The unit, and its derivative as a function of its value.
UNITS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "sigmoid": (torch.sigmoid, lambda h: h * (1 - h)),
    "relu": (torch.relu, lambda h: (h > 0).to(h.dtype)),
}


class NadeOptions(OrderOptions):
    """Options of ``nade``."""

    hidden: int = Field(default=500, ge=1, description="units of the hidden layer")
    activation: Activation = Field(default="sigmoid", description="what a unit computes")
    ensemble: int = Field(
        default=0, ge=0, description="random orders to average, all with the same weights; 0 for `order` alone"
    )


class Nade(BinaryConditionals, SequentialSampler):
    """Neural autoregressive estimator over binary dimensions; exact log p(x), samples in steps."""

    title = "NADE"
    paper = "Larochelle & Murray 2011"
    Options: ClassVar[type[Options]] = NadeOptions

    def __init__(self, facts: Facts, options: NadeOptions) -> None:
        super().__init__(facts, options)
        dims, hidden = self.dims, options.hidden
        orders = [ordering(facts.event_shape, "random", options.order_seed + part) for part in range(options.ensemble)]
        rows = orders or [ordering(facts.event_shape, options.order, options.order_seed)]
        self.register_buffer("orders", torch.stack(rows), persistent=False)  # dimensions from first to last
        self.register_buffer("order", rows[0] if len(rows) == 1 else None, persistent=False)
        self.register_buffer("places", torch.argsort(self.orders, 1), persistent=False)  # of dimensions in the orders
        # Rows of weights are in order, those of an ensemble as the dimensions are.
        self.encoder = nn.Parameter(torch.randn(dims, hidden) / dims**0.5)  # W
        self.encoder_bias = nn.Parameter(torch.zeros(hidden))  # c
        self.decoder = nn.Parameter(torch.randn(dims, hidden) / hidden**0.5)  # V
        self.decoder_bias = nn.Parameter(torch.zeros(dims))  # b
        self.seen = nn.Parameter(torch.zeros(dims, hidden)) if options.ensemble else None  # U

    def logits(self, x: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims), for x of the same shape; only where there is one order."""
        if self.options.ensemble:
            return self.logits_in(0, x)
        fast = torch.is_grad_enabled() and not torch.compiler.is_exporting()
        compute = conditionals if fast else conditionals_by_block
        weights = (self.encoder, self.encoder_bias, self.decoder, self.decoder_bias)
        return compute(x[:, self.order], *weights, activation=self.options.activation)[:, self.places[0]]

    def logits_in(self, part: int, x: Tensor) -> Tensor:
        """Logits of an ensemble's conditionals in one of its orders, shape (batch, dims), for x of the same shape."""
        order = self.orders[part]
        weights = (self.encoder[order], self.encoder_bias, self.decoder[order], self.decoder_bias[order])
        options = {"activation": self.options.activation, "seen": self.seen[order]}
        return conditionals_by_block(x[:, order], *weights, **options)[:, self.places[part]]

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape); with several orders what ``attributed`` says."""
        if not self.options.ensemble:
            return super().dim_log_prob(x)
        flat = x.flatten(1)
        terms = torch.stack([bernoulli_log_prob(self.logits_in(part, flat), flat) for part in range(len(self.orders))])
        return attributed(terms).reshape(-1, *self.event_shape)

    def loss(self, x: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats; in training of an ensemble an estimate, for all orders alike."""
        if not (self.training and self.options.ensemble):
            return super().loss(x)
        flat = x.flatten(1)
        shown = torch.randint(self.dims, (len(flat), 1), device=x.device)  # how many dimensions, 0..dims−1
        mask = (torch.rand_like(flat).argsort(1) < shown).to(x.dtype)
        a = self.encoder_bias + (flat * mask) @ self.encoder + mask @ self.seen
        unit, _ = UNITS[self.options.activation]
        terms = bernoulli_log_prob(unit(a) @ self.decoder.T + self.decoder_bias, flat)
        told = (terms * (1 - mask)).sum(1)
        return -(told * self.dims / (self.dims - shown[:, 0])).mean()

    @property
    def noise(self) -> tuple[Noise, ...]:
        """One uniform number per dimension; with several orders one more, to choose an order."""
        member = (Noise("member", "uniform", ()),) if len(self.orders) > 1 else ()
        return (Noise("u", "uniform", (self.dims,)), *member)

    def sequence(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> Sequence:
        """The activation of the hidden layer, kept running."""
        if self.options.ensemble:
            return self._sequence_in_orders(*noise, temperature=temperature, known=known)
        unit, _ = UNITS[self.options.activation]
        weights = (self.encoder, self.decoder, self.decoder_bias)

        def at(positions: Tensor) -> Tensors:
            rows = of_rows(positions, self.order, noise, known)
            return *(part.index_select(0, positions) for part in weights), *rows

        def step(state: Tensors, inputs: Tensors) -> tuple[Tensors, Tensor]:
            (a,) = state
            _, row, out, bias, draw, *given = inputs  # (hidden,), (hidden,), (), (batch,), …
            logit = unit(a) @ out + bias  # (batch,)
            bit = keep(draw_bernoulli(logit[:, None], draw[:, None], temperature)[:, 0], *given)  # (batch,)
            return (a + bit[:, None] * row,), bit.clone()

        start = self.encoder_bias.expand(temperature.shape[0], -1).clone()  # (batch, hidden)

        def read(bits: Tensor) -> Tensor:
            return placed(bits, self.places[0], self.event_shape, self.options.order)

        return Sequence(self.dims, (start,), at, one_by_one(step), read)

    def _sequence_in_orders(self, u: Tensor, *member: Tensor, temperature: Tensor, known: Known | None) -> Sequence:
        """That of an ensemble, every row in an order of its own."""
        index = part_of(member[0], len(self.orders)) if member else torch.zeros_like(u[:, 0]).long()
        orders, places = self.orders.index_select(0, index), self.places.index_select(0, index)  # (batch, dims)
        arrays = (u,) if known is None else (u, known.x.flatten(1), known.mask.flatten(1))
        unit, _ = UNITS[self.options.activation]

        def at(positions: Tensor) -> Tensors:
            dims = orders.index_select(1, positions)  # (batch, count)
            return dims.T.contiguous(), *(array.gather(1, dims).T.contiguous() for array in arrays)

        def step(state: Tensors, inputs: Tensors) -> tuple[Tensors, Tensor]:
            (a,) = state
            _, dims, draw, *given = inputs  # (batch,) each
            row, out, seen = (part.index_select(0, dims) for part in (self.encoder, self.decoder, self.seen))
            logit = (unit(a) * out).sum(1) + self.decoder_bias.index_select(0, dims)  # (batch,)
            bit = keep(draw_bernoulli(logit[:, None], draw[:, None], temperature)[:, 0], *given)  # (batch,)
            return (a + bit[:, None] * row + seen,), bit.clone()

        start = self.encoder_bias.expand(temperature.shape[0], -1).clone()  # (batch, hidden)

        def read(bits: Tensor) -> Tensor:
            return bits.gather(1, places).reshape(-1, *self.event_shape)

        return Sequence(self.dims, (start,), at, one_by_one(step), read)


def conditionals(x: Tensor, *weights: Tensor, activation: Activation) -> Tensor:
    """All logits at once, shape (batch, dims), of x (batch, dims); for training.

    Everything is in order: rows of weights, columns of x and of the logits are those of the first dimension, the
    second, … Weights are W (dims, hidden), c (hidden,), V (dims, hidden) and b (dims,). Gradients are written out by
    hand: one activation is kept for each of √D blocks of dimensions and the backward pass computes the others again,
    O(√D BH) of memory for a batch of B instead of O(DBH). (Taking the rows off the last activation again would need
    O(BH), but rounding then moves a rectified unit across its threshold.)
    """
    return _Conditionals.apply(x, *weights, activation)


def conditionals_by_block(x: Tensor, *weights: Tensor, activation: Activation, seen: Tensor | None = None) -> Tensor:
    """The same by plain operations, for scoring; with ``seen`` (dims, hidden) every dimension adds its row of it, too.

    Running sums of a block are taken at once, which is faster in ONNX Runtime than one loop over all dimensions and
    does not hold all of (B, D, H).
    """
    encoder, encoder_bias, decoder, bias = weights
    unit, _ = UNITS[activation]
    a, logits = encoder_bias.expand(x.shape[0], 1, -1), []  # a of a block's first dimension
    for block in _blocks(x.shape[1]):
        steps = x[:, block, None] * encoder[block]  # (batch, block, hidden)
        steps = steps if seen is None else steps + seen[block]
        after = torch.cumsum(steps, 1) + a
        before = torch.cat([a, after[:, :-1]], 1)
        logits.append((unit(before) * decoder[block]).sum(2))
        a = after[:, -1:]
    return torch.cat(logits, 1) + bias


def _blocks(dims: int) -> list[slice]:
    """About √dims slices of about √dims dimensions."""
    size = math.isqrt(dims)
    return [slice(start, min(start + size, dims)) for start in range(0, dims, size)]


class _Conditionals(torch.autograd.Function):
    """Logits (batch, dims) of x (batch, dims), both in order; keeps the activation at the start of each block."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, encoder: Tensor, encoder_bias: Tensor, decoder: Tensor, bias: Tensor, activation: str
    ) -> Tensor:
        unit, _ = UNITS[activation]
        a = encoder_bias.repeat(len(x), 1)  # (batch, hidden)
        columns = x.T.contiguous()
        logits = torch.empty_like(columns)
        starts = []
        for block in _blocks(len(columns)):
            starts.append(a.clone())
            for position in range(block.start, block.stop):
                logits[position] = unit(a) @ decoder[position]
                a.addr_(columns[position], encoder[position])
        ctx.save_for_backward(columns, encoder, decoder, *starts)
        ctx.activation = activation
        return logits.T + bias

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        columns, encoder, decoder, *starts = ctx.saved_tensors
        unit, slope = UNITS[ctx.activation]
        grad_a, grads = torch.zeros_like(starts[0]), grad.T.contiguous()
        grad_x, grad_encoder, grad_decoder = (torch.empty_like(item) for item in (columns, encoder, decoder))
        for block, start in zip(reversed(_blocks(len(columns))), reversed(starts), strict=True):
            activations = _replay(start, columns[block], encoder[block])
            for position, a in zip(reversed(range(block.start, block.stop)), reversed(activations), strict=True):
                grad_x[position] = grad_a @ encoder[position]
                grad_encoder[position] = columns[position] @ grad_a
                h = unit(a)
                grad_decoder[position] = grads[position] @ h
                grad_a += slope(h) * torch.outer(grads[position], decoder[position])
        return grad_x.T, grad_encoder, grad_a.sum(0), grad_decoder, grads.sum(1), None


def _replay(a: Tensor, columns: Tensor, encoder: Tensor) -> list[Tensor]:
    """The activations (batch, hidden) of a block's dimensions, rounded as in the forward pass."""
    activations = [a]
    for column, row in zip(columns[:-1], encoder[:-1], strict=True):
        activations.append(torch.addr(activations[-1], column, row))
    return activations
