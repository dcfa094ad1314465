"""MADE: an autoencoder whose masked weights make output d depend on inputs before d only.

Every input and hidden unit has a degree; a connection is kept only where degrees do not decrease, and strictly increase
into the output, so the outputs are the logits of p(x_d | x_<d) for all d in one pass: exact log p(x) costs one forward.
Optional direct connections add a strictly triangular linear term (a FVSBN inside). Hidden degrees are spread evenly
over 1..D−1, so that no unit is disconnected by chance. Sampling is the fixed point of the same pass with noise held.

M. Germain, K. Gregor, I. Murray, H. Larochelle, "MADE: Masked Autoencoder for Distribution Estimation", ICML 2015,
arXiv 1502.03509; equations 6-13.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.autoregressive.binary import BinaryConditionals
from training.zoo.autoregressive.masked import masked
from training.zoo.autoregressive.order import OrderOptions, degrees
from training.zoo.base import (
    FixedPointSampler,
    Options,
    draw_bernoulli,
)


class MadeOptions(OrderOptions):
    """Options of ``made``."""

    hidden: tuple[int, ...] = Field(default=(512,), description="units of each hidden layer")
    direct: bool = Field(default=True, description="whether to add direct connections from inputs to outputs")


class Made(BinaryConditionals, FixedPointSampler):
    """Masked autoencoder over binary dimensions; exact log p(x), exact samples by fixed point."""

    title = "MADE"
    paper = "Germain et al. 2015, arXiv 1502.03509"
    Options: ClassVar[type[Options]] = MadeOptions

    def __init__(self, event_shape: tuple[int, ...], options: MadeOptions) -> None:
        super().__init__(event_shape, options)
        place = degrees(self.dims, options)
        self.order = torch.argsort(place)  # dimensions from first to last
        self.layers = nn.ModuleList()
        width, previous = self.dims, place
        for units in options.hidden:
            current = _hidden_degrees(units, self.dims)
            self.layers.append(masked(nn.Linear(width, units), previous[None, :] <= current[:, None]))
            width, previous = units, current
        self.output = masked(nn.Linear(width, self.dims), previous[None, :] < place[:, None])
        self.direct = (
            masked(nn.Linear(self.dims, self.dims), place[None, :] < place[:, None]) if options.direct else None
        )

    def logits(self, x: Tensor) -> Tensor:
        """Logits of all conditionals, shape (batch, dims), for x of the same shape."""
        h = x
        for layer in self.layers:
            h = torch.relu(layer(h))
        logits = self.output(h)
        return logits if self.direct is None else logits + self.direct(x)

    def compact(self) -> None:
        """Leaves out the blocks of the weights that the masks make zero: half the size, half the work."""
        place = degrees(self.dims, self.options)
        before = place
        for index, layer in enumerate(self.layers):
            after = _hidden_degrees(layer.out_features, self.dims)
            self.layers[index] = Staircase(layer, before[None, :] <= after[:, None])
            before = after
        self.output = Staircase(self.output, before[None, :] < place[:, None])
        if self.direct is not None:
            self.direct = Staircase(self.direct, place[None, :] < place[:, None])

    def propose(self, x: Tensor, *noise: Tensor, temperature: Tensor) -> Tensor:
        """All pixels redrawn given the pixels before them, shape (batch, *event_shape)."""
        (u,) = noise
        proposal = draw_bernoulli(self.logits(x.flatten(1)), u, temperature)
        return proposal.reshape(-1, *self.event_shape)


def _hidden_degrees(units: int, dims: int) -> Tensor:
    return torch.linspace(1, max(dims - 1, 1), units).round().long()


class Staircase(nn.Module):
    """A masked linear layer as a staircase of dense blocks.

    Rows and columns are sorted by how much the mask leaves of them; then row r needs a prefix of the columns that grows
    with r, and a block of rows needs the prefix of its last row. Twenty-four blocks keep 52 % of a triangular weight.
    """

    def __init__(self, linear: nn.Linear, mask: Tensor, blocks: int = 24) -> None:
        super().__init__()
        rows = torch.argsort(mask.sum(1), stable=True)
        columns = torch.argsort(mask.sum(0), descending=True, stable=True)
        self.register_buffer("columns", None if _is_sorted(columns) else columns)
        self.register_buffer("places", None if _is_sorted(rows) else torch.argsort(rows))
        weight, bias = linear.weight.detach()[rows][:, columns], linear.bias.detach()[rows]
        reach = mask.sum(1)[rows]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for block in torch.arange(len(rows)).tensor_split(min(blocks, len(rows))):
            width = max(int(reach[block[-1]]), 1)
            self.weights.append(weight[block, :width].clone())
            self.biases.append(bias[block].clone())

    def forward(self, x: Tensor) -> Tensor:
        """The same as the masked layer, shape (batch, rows)."""
        x = x if self.columns is None else x[:, self.columns]
        steps = [
            nn.functional.linear(x[:, : weight.shape[1]], weight, bias)
            for weight, bias in zip(self.weights, self.biases, strict=True)
        ]
        y = torch.cat(steps, 1)
        return y if self.places is None else y[:, self.places]


def _is_sorted(index: Tensor) -> bool:
    return torch.equal(index, torch.arange(len(index)))
