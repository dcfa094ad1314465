"""RNADE: NADE for real numbers, every conditional a mixture of Gaussians.

As in NADE the hidden activation runs through the dimensions, a_{d+1} = a_d + W_d x_d with a_1 = c; unit values are
h_d = relu(ρ_d a_d), where the learned ρ_d keeps activations in range although they are sums of ever more terms. Heads
of each dimension turn h_d into mixture weights (softmax), means and standard deviations of p(x_d | x_<d). Deviations
are a softplus, where the paper has an exponential that overflows far from the data, plus a floor, without which a
repeated value would have unbounded likelihood. Samples are drawn along the way: a uniform number chooses the
component, a normal one the value; where the values of a column lie apart, it is brought to the nearest of them before
the next column is drawn.

B. Uria, I. Murray, H. Larochelle, "RNADE: The real-valued neural autoregressive density-estimator", NIPS 2013,
arXiv 1306.0186; equations 4-11.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from training.cells import Cells, InCells
from training.cells.cells import nearest_of
from training.zoo.base import (
    Autoregressive,
    Facts,
    Family,
    Known,
    LikelihoodTrained,
    Noise,
    Options,
    Sequence,
    SequentialSampler,
    Tensors,
)
from training.zoo.parts.conditionals import OrderOptions, keep, of_rows, one_by_one, ordering, placed
from training.zoo.parts.gaussian_conditionals import Mixture, MixtureHead, MixtureOptions


class RnadeOptions(OrderOptions, MixtureOptions):
    """Options of ``rnade``."""

    hidden: int = Field(default=64, ge=1, description="units of the hidden layer")


class Rnade(Family, Autoregressive, SequentialSampler, LikelihoodTrained, InCells):
    """Neural autoregressive estimator over real dimensions; exact density, samples in steps."""

    title = "RNADE"
    paper = "Uria, Murray & Larochelle 2013, arXiv 1306.0186"
    kind = "exact"
    space = "real"
    temperature = MixtureHead.temperature
    Options: ClassVar[type[Options]] = RnadeOptions

    def __init__(self, facts: Facts, options: RnadeOptions) -> None:
        super().__init__(facts, options)
        self.head = MixtureHead(options)
        self.cells = Cells(self.dims)
        dims, hidden, outputs = self.dims, options.hidden, self.head.outputs
        order = ordering(facts.event_shape, options.order, options.order_seed)
        self.register_buffer("order", order, persistent=False)  # dimensions from first to last
        self.register_buffer("place", torch.argsort(order), persistent=False)  # of each dimension in the order
        self.encoder = nn.Parameter(torch.randn(dims, hidden))  # W, rows in order
        self.encoder_bias = nn.Parameter(torch.randn(hidden))  # c
        self.scale = nn.Parameter((1 / torch.arange(1, dims + 1)).sqrt())  # ρ, in order
        self.decoder = nn.Parameter(0.1 * torch.randn(dims, hidden, outputs) / hidden**0.5)  # weights, means, sigmas
        self.decoder_bias = nn.Parameter(self.head.first_bias(dims))

    def take_cells(self, cells: Cells) -> None:
        """Takes over where the values of columns lie."""
        self.cells.take_from(cells)

    def conditionals(self, x: Tensor) -> Mixture:
        """p(x_d | x_<d) for all d at once, tensors (batch, dims, components), for x (batch, dims); x's precision."""
        ordered, kind = x[:, self.order], x.dtype
        start = self.encoder_bias.to(kind).expand(x.shape[0], 1, -1)
        after = start + torch.cumsum(ordered[:, :-1, None] * self.encoder[:-1].to(kind), 1)
        a = torch.cat([start, after], 1)  # (batch, dims, hidden)
        h = torch.relu(a * self.scale[:, None].to(kind)).transpose(0, 1)  # (dims, batch, hidden)
        heads = (h @ self.decoder.to(kind) + self.decoder_bias[:, None].to(kind)).transpose(0, 1)
        return self.head(heads[:, self.place])

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape)."""
        # Far from the data small deviations magnify the rounding of float32; training does not go there.
        flat = x.flatten(1) if self.training else x.flatten(1).double()
        return self.conditionals(flat).log_prob_in(self.cells, flat).float().reshape(-1, *self.event_shape)

    @property
    def tailed(self) -> bool:
        """Always: every dimension is a real number."""
        return True

    def dim_log_tail(self, x: Tensor) -> Tensor:
        """Two-sided tail of p(x_d | x_<d), shape (batch, *event_shape)."""
        flat = x.flatten(1).double()
        return self.conditionals(flat).log_tail_in(self.cells, flat).float().reshape(-1, *self.event_shape)

    def loss(self, x: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats."""
        return -self.log_prob(x).mean()

    @property
    def noise(self) -> tuple[Noise, ...]:
        """A uniform number to choose the component, a normal one inside it, for every dimension."""
        return self.head.noise(self.dims)

    def sequence(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> Sequence:
        """The activation of the hidden layer, kept running."""
        weights = (self.encoder, self.scale, self.decoder, self.decoder_bias)
        cells = tuple(array[self.order, None] for array in self.cells.arrays()) if self.cells.apart else ()

        def at(positions: Tensor) -> Tensors:
            rows = of_rows(positions, self.order, noise, known)
            return *(part.index_select(0, positions) for part in (*weights, *cells)), *rows

        def step(state: Tensors, inputs: Tensors) -> tuple[Tensors, Tensor]:
            (a,) = state
            _, row, scale, out, bias, *others = inputs
            apart, (component, eps, *given) = others[: len(cells)], others[len(cells) :]
            heads = torch.relu(a * scale) @ out + bias  # (batch, 3 components)
            x = self.head(heads).draw(component, eps, temperature)  # (batch,)
            x = keep(nearest_of(x, *apart) if apart else x, *given)
            return (a + x[:, None] * row,), x.clone()

        start = self.encoder_bias.expand(temperature.shape[0], -1).clone()  # (batch, hidden)
        return Sequence(self.dims, (start,), at, one_by_one(step), self._read)

    def _read(self, values: Tensor) -> Tensor:
        return placed(values, self.place, self.event_shape, self.options.order)
