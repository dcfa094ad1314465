"""RNADE: NADE for real numbers, every conditional a mixture of Gaussians.

As in NADE the hidden activation runs through the dimensions, a_{d+1} = a_d + W_d x_d with a_1 = c; unit values are
h_d = relu(ρ_d a_d), where the learned ρ_d keeps activations in range although they are sums of ever more terms. Heads
of each dimension turn h_d into mixture weights (softmax), means and standard deviations of p(x_d | x_<d). Deviations
are a softplus, where the paper has an exponential that overflows far from the data, plus a floor, without which a
repeated value would have unbounded likelihood. Samples are drawn along the way: a uniform number chooses the
component, a normal one the value.

B. Uria, I. Murray, H. Larochelle, "RNADE: The real-valued neural autoregressive density-estimator", NIPS 2013,
arXiv 1306.0186; equations 4-11.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from training.zoo.autoregressive.completion import in_order, keep
from training.zoo.autoregressive.order import OrderOptions, degrees
from training.zoo.base import (
    Autoregressive,
    CompletingSampler,
    Family,
    Known,
    LikelihoodTrained,
    Noise,
    Options,
)
from training.zoo.scan import scan


class RnadeOptions(OrderOptions):
    """Options of ``rnade``."""

    hidden: int = Field(default=64, ge=1, description="units of the hidden layer")
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

    def draw(self, component: Tensor, eps: Tensor, temperature: Tensor) -> Tensor:
        """A value (batch, 1) of mixtures (batch, components); the noises and the temperature are (batch,)."""
        ends = torch.cumsum(torch.exp(self.log_weights), 1)[:, :-1]  # the last component takes what rounding leaves
        chosen = (component[:, None] >= ends).sum(1, keepdim=True)  # (batch, 1)
        return self.means.gather(1, chosen) + (temperature * eps)[:, None] * self.sigmas.gather(1, chosen)


class Rnade(Family, Autoregressive, CompletingSampler, LikelihoodTrained):
    """Neural autoregressive estimator over real dimensions; exact density, direct samples."""

    title = "RNADE"
    paper = "Uria, Murray & Larochelle 2013, arXiv 1306.0186"
    kind = "exact"
    space = "real"
    temperature = "multiplies the standard deviation of each component that is drawn"
    Options: ClassVar[type[Options]] = RnadeOptions

    def __init__(self, event_shape: tuple[int, ...], options: RnadeOptions) -> None:
        super().__init__(event_shape, options)
        dims, hidden, outputs = self.dims, options.hidden, 3 * options.components
        place = degrees(dims, options) - 1
        self.register_buffer("place", place, persistent=False)  # of each dimension in the order
        self.register_buffer("order", torch.argsort(place), persistent=False)  # dimensions from first to last
        self.encoder = nn.Parameter(torch.randn(dims, hidden))  # W, rows in order
        self.encoder_bias = nn.Parameter(torch.randn(hidden))  # c
        self.scale = nn.Parameter((1 / torch.arange(1, dims + 1)).sqrt())  # ρ, in order
        self.decoder = nn.Parameter(0.1 * torch.randn(dims, hidden, outputs) / hidden**0.5)  # weights, means, sigmas
        self.decoder_bias = nn.Parameter(torch.randn(dims, outputs) * torch.tensor([0.1, 1, 0.1]).repeat_interleave(
            options.components))  # fmt: skip

    def conditionals(self, x: Tensor) -> Mixture:
        """p(x_d | x_<d) for all d at once, tensors (batch, dims, components), for x (batch, dims); x's precision."""
        ordered, kind = x[:, self.order], x.dtype
        start = self.encoder_bias.to(kind).expand(x.shape[0], 1, -1)
        after = start + torch.cumsum(ordered[:, :-1, None] * self.encoder[:-1].to(kind), 1)
        a = torch.cat([start, after], 1)  # (batch, dims, hidden)
        h = torch.relu(a * self.scale[:, None].to(kind)).transpose(0, 1)  # (dims, batch, hidden)
        heads = (h @ self.decoder.to(kind) + self.decoder_bias[:, None].to(kind)).transpose(0, 1)
        return self._mixture(heads[:, self.place])

    def _mixture(self, heads: Tensor) -> Mixture:
        weights, means, sigmas = heads.split(self.options.components, -1)
        return Mixture(torch.log_softmax(weights, -1), means, self.options.sigma_floor + _softplus(sigmas))

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape)."""
        # Far from the data small deviations magnify the rounding of float32; training does not go there.
        flat = x.flatten(1) if self.training else x.flatten(1).double()
        return self.conditionals(flat).log_prob(flat).float().reshape(-1, *self.event_shape)

    def loss(self, x: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats."""
        return -self.log_prob(x).mean()

    @property
    def noise(self) -> tuple[Noise, ...]:
        """A uniform number to choose the component, a normal one inside it, for every dimension."""
        return (Noise("component", "uniform", (self.dims,)), Noise("eps", "normal", (self.dims,)))

    def generate(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape)."""
        component, eps = (array[:, self.order].T.contiguous() for array in noise)  # (dims, batch)

        def step(a: Tensor, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
            component, eps, row, scale, out, bias, *given = inputs
            heads = torch.relu(a * scale) @ out + bias  # (batch, 3 components)
            x = keep(self._mixture(heads).draw(component, eps, temperature)[:, 0], *given)  # (batch,)
            return a + x[:, None] * row, x.clone()

        start = self.encoder_bias.expand(component.shape[1], -1).clone()  # (batch, hidden)
        weights = (self.encoder, self.scale[:, None], self.decoder, self.decoder_bias)
        inputs = (component, eps, *weights, *in_order(known, self.order))
        values = scan(step, start, inputs)  # (dims, batch), in order
        return values.T[:, self.place].reshape(-1, *self.event_shape), None


def _softplus(x: Tensor) -> Tensor:
    """log(1 + eˣ), written out because ONNX Runtime has no Softplus in double precision."""
    return torch.clamp(x, min=0) + torch.log1p(torch.exp(-x.abs()))
