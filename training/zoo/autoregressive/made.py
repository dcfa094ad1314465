"""MADE: an autoencoder whose masked weights make output d depend on inputs before d only.

The outputs are the logits of p(x_d | x_<d) for all d in one pass: exact log p(x) costs one forward. Optional direct
connections add a strictly triangular linear term (a FVSBN inside), optional residual blocks make it deep. Sampling is
the fixed point of the same pass with noise held.

An ensemble has a member with weights of its own for each of several orders, and p(x) is the mean of the members'
densities, each a factorisation of the whole x. Every member is trained by itself. A sample is one of a member, chosen
by a uniform number; where all members have one order, the mixture is a product of conditionals again, in which a member
weighs what it has given to the dimensions before, and samples are drawn from these.

M. Germain, K. Gregor, I. Murray, H. Larochelle, "MADE: Masked Autoencoder for Distribution Estimation", ICML 2015,
arXiv 1502.03509; equations 6-13. Ensembles over orders: B. Uria, I. Murray, H. Larochelle, "A Deep and Tractable
Density Estimator", ICML 2014, arXiv 1310.1757, section 4.
"""

from typing import ClassVar

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from training.zoo.autoregressive.heads import BernoulliHead, Bernoullis
from training.zoo.autoregressive.masked_network import MaskedNetwork
from training.zoo.autoregressive.mixing import attributed, by_prefix, chosen
from training.zoo.autoregressive.order import OrderName, OrderOptions, ordering, places
from training.zoo.base import Autoregressive, Family, FixedPointSampler, LikelihoodTrained, Noise, Options


class MadeOptions(OrderOptions):
    """Options of ``made``."""

    orders: tuple[OrderName, ...] = Field(
        default=(), description="orders of an ensemble's members, instead of `order`; random ones differ"
    )
    hidden: tuple[int, ...] = Field(default=(512,), description="units of each hidden layer")
    blocks: int = Field(default=0, ge=0, description="residual blocks behind them, two layers of the last width each")
    direct: bool = Field(default=True, description="whether to add direct connections from inputs to outputs")

    @model_validator(mode="after")
    def _blocks_have_a_width(self) -> "MadeOptions":
        if self.blocks and not self.hidden:
            raise ValueError("residual blocks need a hidden layer before them")
        return self


class Made(Family, Autoregressive, FixedPointSampler, LikelihoodTrained):
    """Masked autoencoder over binary dimensions; exact log p(x), exact samples by fixed point."""

    title = "MADE"
    paper = "Germain et al. 2015, arXiv 1502.03509"
    kind = "exact"
    space = "binary"
    temperature = BernoulliHead.temperature
    Options: ClassVar[type[Options]] = MadeOptions

    def __init__(self, event_shape: tuple[int, ...], options: MadeOptions) -> None:
        super().__init__(event_shape, options)
        self.head = BernoulliHead()
        self.orders = [
            ordering(event_shape, name, options.order_seed + index)
            for index, name in enumerate(options.orders or (options.order,))
        ]
        self.order = self.orders[0] if all(torch.equal(order, self.orders[0]) for order in self.orders) else None
        self.members = nn.ModuleList(
            MaskedNetwork(places(order), options.hidden, options.blocks, self.head.outputs, direct=options.direct)
            for order in self.orders
        )

    def compact(self) -> None:
        """Leaves out what the masks make zero."""
        for member in self.members:
            member.compact()

    def outputs(self, x: Tensor) -> Tensor:
        """What every member says, shape (members, batch, dims, outputs), for x (batch, *event_shape)."""
        return torch.stack([member(x.flatten(1)) for member in self.members])

    def conditionals(self, x: Tensor) -> Bernoullis:
        """p(x_d | x_<d) for all d at once; only where there is one order."""
        outputs = self.outputs(x)
        if len(outputs) == 1:
            return self.head(outputs[0])
        return self.head.mixed(outputs, by_prefix(self.head(outputs).log_prob(x.flatten(1)), self.order))

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape); with several orders what ``mixing.attributed`` says."""
        flat = x.flatten(1)
        if self.order is not None:
            return self.conditionals(x).log_prob(flat).reshape(-1, *self.event_shape)
        return attributed(self.head(self.outputs(x)).log_prob(flat)).reshape(-1, *self.event_shape)

    def loss(self, x: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats: in training that of the members, otherwise their mixture's."""
        if not self.training:
            return -self.log_prob(x).mean()
        return -self.head(self.outputs(x)).log_prob(x.flatten(1)).sum(-1).mean()

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
        return conditionals.draw(*noise, temperature).reshape(-1, *self.event_shape)
