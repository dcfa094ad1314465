"""NADE: one hidden layer per dimension, all with the same weights, each seeing the dimensions before its own.

h_d = act(c + Σ_{j before d} W_j x_j) and logit p(x_d = 1 | x_<d) = b_d + V_d · h_d. Because the weights are shared, the
activation of dimension d + 1 is that of dimension d plus one row of W: all conditionals cost O(DH), and so does a
sample, which is drawn along the way. For training, gradients are written out by hand: one activation is kept for each
of √D blocks of dimensions and the backward pass computes the others again, O(√D BH) of memory for a batch of B
instead of O(DBH). (Taking the rows off the last activation again would need O(BH), but rounding then moves a
rectified unit across its threshold.) For scoring, running sums of a block are taken at once, which is faster in ONNX
Runtime than one loop over all dimensions and does not hold all of (B, D, H).

H. Larochelle, I. Murray, "The Neural Autoregressive Distribution Estimator", AISTATS 2011; algorithm 1. Rectified units
instead of the paper's sigmoids are an option (B. Uria et al., "Neural Autoregressive Distribution Estimation", JMLR 17,
2016, arXiv 1605.02226).
"""

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.autoregressive.binary import BinaryConditionals
from training.zoo.autoregressive.completion import in_order, keep
from training.zoo.autoregressive.order import OrderOptions, degrees
from training.zoo.base import (
    CompletingSampler,
    Known,
    Noise,
    Options,
    draw_bernoulli,
)
from training.zoo.scan import scan

Activation = Literal["sigmoid", "relu"]
# The unit, and its derivative as a function of its value.
_UNITS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "sigmoid": (torch.sigmoid, lambda h: h * (1 - h)),
    "relu": (torch.relu, lambda h: (h > 0).to(h.dtype)),
}


class NadeOptions(OrderOptions):
    """Options of ``nade``."""

    hidden: int = Field(default=500, ge=1, description="units of the hidden layer")
    activation: Activation = Field(default="sigmoid", description="what a unit computes")


class Nade(BinaryConditionals, CompletingSampler):
    """Neural autoregressive estimator over binary dimensions; exact log p(x), direct samples."""

    title = "NADE"
    paper = "Larochelle & Murray 2011"
    Options: ClassVar[type[Options]] = NadeOptions

    def __init__(self, event_shape: tuple[int, ...], options: NadeOptions) -> None:
        super().__init__(event_shape, options)
        dims, hidden = self.dims, options.hidden
        place = degrees(dims, options) - 1
        self.register_buffer("place", place, persistent=False)  # of each dimension in the order
        self.register_buffer("order", torch.argsort(place), persistent=False)  # dimensions from first to last
        self.encoder = nn.Parameter(torch.randn(dims, hidden) / dims**0.5)  # W, rows in order
        self.encoder_bias = nn.Parameter(torch.zeros(hidden))  # c
        self.decoder = nn.Parameter(torch.randn(dims, hidden) / hidden**0.5)  # V, rows in order
        self.decoder_bias = nn.Parameter(torch.zeros(dims))  # b

    def logits(self, x: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims), for x of the same shape."""
        ordered = x[:, self.order]
        if torch.is_grad_enabled() and not torch.compiler.is_exporting():
            weights = (self.encoder, self.encoder_bias, self.decoder, self.decoder_bias)
            return _Conditionals.apply(ordered, *weights, self.options.activation)[:, self.place]
        return self.logits_by_block(ordered)[:, self.place]

    def logits_by_block(self, ordered: Tensor) -> Tensor:
        """Logits, shape (batch, dims), by plain operations; dimensions of x and of the result are in order."""
        unit, _ = _UNITS[self.options.activation]
        a, logits = self.encoder_bias.expand(ordered.shape[0], 1, -1), []  # a of a block's first dimension
        for block in _blocks(self.dims):
            steps = ordered[:, block, None] * self.encoder[block]  # (batch, block, hidden)
            after = torch.cumsum(steps, 1) + a
            before = torch.cat([a, after[:, :-1]], 1)
            logits.append((unit(before) * self.decoder[block]).sum(2))
            a = after[:, -1:]
        return torch.cat(logits, 1) + self.decoder_bias

    @property
    def noise(self) -> tuple[Noise, ...]:
        """One uniform number per dimension."""
        return (Noise("u", "uniform", (self.dims,)),)

    def generate(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape)."""
        (u,) = noise
        unit, _ = _UNITS[self.options.activation]

        def step(a: Tensor, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
            draw, row, out, bias, *given = inputs  # (batch,), (hidden,), (hidden,), (1,), …
            logit = unit(a) @ out + bias  # (batch,)
            bit = keep(draw_bernoulli(logit[:, None], draw[:, None], temperature)[:, 0], *given)  # (batch,)
            return a + bit[:, None] * row, bit.clone()

        start = self.encoder_bias.expand(u.shape[0], -1).clone()  # (batch, hidden)
        weights = (self.encoder, self.decoder, self.decoder_bias[:, None])
        inputs = (u[:, self.order].T.contiguous(), *weights, *in_order(known, self.order))
        bits = scan(step, start, inputs)  # (dims, batch), in order
        return bits.T[:, self.place].reshape(-1, *self.event_shape), None


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
        unit, _ = _UNITS[activation]
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
        unit, slope = _UNITS[ctx.activation]
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
