"""All conditionals of a NADE at once: the loop for training, with its gradients, and running sums for scoring.

Everything is in order: rows of weights, columns of x and of the logits are those of the first dimension, the second, …
Weights are W (dims, hidden), c (hidden,), V (dims, hidden) and b (dims,), as in ``nade``.

For training, gradients are written out by hand: one activation is kept for each of √D blocks of dimensions and the
backward pass computes the others again, O(√D BH) of memory for a batch of B instead of O(DBH). (Taking the rows off the
last activation again would need O(BH), but rounding then moves a rectified unit across its threshold.) For scoring,
running sums of a block are taken at once, which is faster in ONNX Runtime than one loop over all dimensions and does
not hold all of (B, D, H).
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

Activation = Literal["sigmoid", "relu"]
# The unit, and its derivative as a function of its value.
UNITS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "sigmoid": (torch.sigmoid, lambda h: h * (1 - h)),
    "relu": (torch.relu, lambda h: (h > 0).to(h.dtype)),
}


def conditionals(x: Tensor, *weights: Tensor, activation: Activation) -> Tensor:
    """Logits, shape (batch, dims), of x (batch, dims); weights W, c, V, b."""
    return _Conditionals.apply(x, *weights, activation)


def conditionals_by_block(x: Tensor, *weights: Tensor, activation: Activation, seen: Tensor | None = None) -> Tensor:
    """The same by plain operations; with ``seen`` (dims, hidden) every dimension adds its row of it, too."""
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
