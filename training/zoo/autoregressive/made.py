"""MADE: an autoencoder whose masked weights make output d depend on inputs before d only.

The outputs are the parameters of p(x_d | x_<d) for all d in one pass, so that exact log p(x) costs one forward: a logit
where dimensions are binary, a mixture of Gaussians where they are real. Optional direct connections add a strictly
triangular linear term (a FVSBN inside), optional residual blocks make it deep. Sampling is the fixed point of the same
pass with noise held. Real dimensions are scored and drawn in double precision: far from the data small deviations
magnify the rounding of float32, and a fixed point must not depend on how a matrix product of another size rounds.

Several factorisations of the whole x can be averaged: members with weights of their own, each in its own order, and
sets of masks over the same weights, which differ in what a hidden unit sees and, if wanted, in the order. p(x) is the
mean of their densities, and each is trained by itself: a member on every item, a set of masks on its share of every
batch. Masks are fixed by a seed; nothing is drawn again in training or evaluation. A sample is one of a part, chosen by
a uniform number; where all have one order, the mixture is a product of conditionals again, in which a part weighs what
it has given to the dimensions before, and samples are drawn from these.

M. Germain, K. Gregor, I. Murray, H. Larochelle, "MADE: Masked Autoencoder for Distribution Estimation", ICML 2015,
arXiv 1502.03509; equations 6-13, and sections 4.2-4.3 for sets of masks. Mixtures over orders: B. Uria, I. Murray,
H. Larochelle, "A Deep and Tractable Density Estimator", ICML 2014, arXiv 1310.1757, section 4. Mixtures of Gaussians:
G. Papamakarios, T. Pavlakou, I. Murray, "Masked Autoregressive Flow for Density Estimation", NIPS 2017,
arXiv 1705.07057, section 4 (MADE MoG).
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from training.zoo.autoregressive.conditionals.bernoulli import BernoulliHead, Bernoullis
from training.zoo.autoregressive.conditionals.factorisations import attributed, by_prefix, chosen
from training.zoo.autoregressive.conditionals.mixture import Mixture, MixtureHead, MixtureOptions
from training.zoo.autoregressive.conditionals.order import OrderName, OrderOptions, ordering, places
from training.zoo.autoregressive.networks.masked_network import MaskedNetwork
from training.zoo.base import Autoregressive, Family, FixedPointSampler, LikelihoodTrained, Noise, Options


class MadeOptions(OrderOptions, MixtureOptions):
    """Options of ``made``; ``components`` and ``sigma_floor`` are for real dimensions."""

    space: Literal["binary", "real"] = Field(
        default="binary", description="what a dimension is; without it what the transform gives"
    )
    orders: tuple[OrderName, ...] = Field(
        default=(), description="orders of an ensemble's members, instead of `order`; random ones differ"
    )
    hidden: tuple[int, ...] = Field(default=(512,), description="units of each hidden layer")
    blocks: int = Field(default=0, ge=0, description="residual blocks behind them, two layers of the last width each")
    direct: bool = Field(default=True, description="whether to add direct connections from inputs to outputs")
    masks: int = Field(
        default=1, ge=1, description="sets of masks over the same weights; with a random order, each takes its own"
    )
    order_seed: int = Field(default=0, description="seed of random orders and masks")

    @model_validator(mode="after")
    def _blocks_have_a_width(self) -> "MadeOptions":
        if self.blocks and not self.hidden:
            raise ValueError("residual blocks need a hidden layer before them")
        return self


class Made(Family, Autoregressive, FixedPointSampler, LikelihoodTrained):
    """Masked autoencoder over binary or real dimensions; exact log p(x), exact samples by fixed point."""

    title = "MADE"
    paper = "Germain et al. 2015, arXiv 1502.03509"
    kind = "exact"
    space = ("binary", "real")
    Options: ClassVar[type[Options]] = MadeOptions

    def __init__(self, event_shape: tuple[int, ...], options: MadeOptions) -> None:
        super().__init__(event_shape, options)
        self.head = BernoulliHead() if options.space == "binary" else MixtureHead(options)
        self.temperature = self.head.temperature
        names = options.orders or (options.order,)
        self.orders = [
            ordering(event_shape, name, options.order_seed + part)
            for part, name in enumerate(name for name in names for _ in range(options.masks))
        ]
        self.order = self.orders[0] if all(torch.equal(order, self.orders[0]) for order in self.orders) else None
        sizes = {"hidden": options.hidden, "blocks": options.blocks, "outputs": self.head.outputs}
        by_member = torch.stack([places(order) for order in self.orders]).split(options.masks)
        self.members = nn.ModuleList(
            MaskedNetwork(sets, **sizes, direct=options.direct, seed=options.order_seed + member)
            for member, sets in enumerate(by_member)
        )
        if isinstance(self.head, MixtureHead):
            for member in self.members:
                member.output.bias.data = self.head.first_bias(self.dims).flatten()

    def compact(self) -> None:
        """Leaves out what the masks make zero."""
        for member in self.members:
            member.compact()

    def outputs(self, x: Tensor) -> Tensor:
        """What every part says, shape (parts, batch, dims, outputs), for x (batch, *event_shape).

        Parts are the sets of masks of the first member, then those of the second, and so on, as in ``orders``.
        """
        flat = self._flat(x)
        return torch.stack([member(flat, masks) for member in self.members for masks in range(self.options.masks)])

    def _flat(self, x: Tensor) -> Tensor:
        """X (batch, dims), in the precision that it is computed in."""
        return x.flatten(1) if self.training or self.options.space == "binary" else x.flatten(1).double()

    def conditionals(self, x: Tensor) -> Bernoullis | Mixture:
        """p(x_d | x_<d) for all d at once; only where there is one order."""
        outputs = self.outputs(x)
        if len(outputs) == 1:
            return self.head(outputs[0])
        return self.head.mixed(outputs, by_prefix(self.head(outputs).log_prob(self._flat(x)), self.order))

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape); with several orders what ``attributed`` says."""
        flat = self._flat(x)
        if self.order is not None:
            terms = self.conditionals(x).log_prob(flat)
        else:
            terms = attributed(self.head(self.outputs(x)).log_prob(flat))
        return terms.to(x.dtype).reshape(-1, *self.event_shape)

    @property
    def tailed(self) -> bool:
        """Whether dimensions are real numbers."""
        return self.options.space == "real"

    def dim_log_tail(self, x: Tensor) -> Tensor:
        """Two-sided tail of p(x_d | x_<d), shape (batch, *event_shape); with several orders the mean over these."""
        flat = self._flat(x)
        tails = self.head(self.outputs(x)).log_tail(flat) if self.order is None else self.conditionals(x).log_tail(flat)
        tails = tails.mean(0) if self.order is None else tails  # (batch, dims)
        return tails.to(x.dtype).reshape(-1, *self.event_shape)

    def loss(self, x: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats: in training that of the parts, otherwise their mixture's."""
        if not self.training:
            return -self.log_prob(x).mean()
        flat, sets = x.flatten(1), self.options.masks
        shares = [flat[masks::sets] for masks in range(min(sets, len(flat)))]
        terms = [
            self.head(member(share, masks)).log_prob(share).sum()
            for member in self.members
            for masks, share in enumerate(shares)
        ]
        return -torch.stack(terms).sum() / (len(flat) * len(self.members))

    @property
    def noise(self) -> tuple[Noise, ...]:
        """The noise of a draw of every dimension; with several orders a uniform number to choose one."""
        member = () if self.order is not None else (Noise("member", "uniform", ()),)
        return (*self.head.noise(self.dims), *member)

    def propose(self, x: Tensor, *noise: Tensor, temperature: Tensor) -> Tensor:
        """All dimensions redrawn given those before them, shape (batch, *event_shape)."""
        if self.order is not None:
            conditionals = self.conditionals(x)
        else:
            *noise, member = noise
            conditionals = self.head(chosen(self.outputs(x), member))
        return conditionals.draw(*noise, temperature[:, None]).to(x.dtype).reshape(-1, *self.event_shape)
