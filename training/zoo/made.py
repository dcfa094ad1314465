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

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from training.cells import Cells, InCells
from training.zoo.base import (
    Autoregressive,
    Facts,
    Family,
    FixedPointSampler,
    LikelihoodTrained,
    Noise,
    Options,
    bernoulli_log_prob,
)
from training.zoo.parts.conditionals import OrderName, OrderOptions, attributed, ordering, part_of
from training.zoo.parts.gaussian_conditionals import Mixture, MixtureHead, MixtureOptions

MOST_BLOCKS = 24
BLOCK_WEIGHTS = 8192  # at least, or calling a block costs more than it saves


class MadeOptions(OrderOptions, MixtureOptions):
    """Options of ``made``; ``components`` and ``sigma_floor`` are for real dimensions."""

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


class Made(Family, Autoregressive, FixedPointSampler, LikelihoodTrained, InCells):
    """Masked autoencoder over binary or real dimensions; exact log p(x), exact samples by fixed point."""

    title = "MADE"
    paper = "Germain et al. 2015, arXiv 1502.03509"
    kind = "exact"
    space = ("binary", "real")
    Options: ClassVar[type[Options]] = MadeOptions

    def __init__(self, facts: Facts, options: MadeOptions) -> None:
        super().__init__(facts, options)
        self.head = BernoulliHead() if facts.space == "binary" else MixtureHead(options)
        self.temperature = self.head.temperature
        self.cells = Cells(self.dims)
        names = options.orders or (options.order,)
        self.orders = [
            ordering(facts.event_shape, name, options.order_seed + part)
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

    def take_cells(self, cells: Cells) -> None:
        """Takes over where the values of columns lie."""
        self.cells.take_from(cells)

    def outputs(self, x: Tensor) -> Tensor:
        """What every part says, shape (parts, batch, dims, outputs), for x (batch, *event_shape).

        Parts are the sets of masks of the first member, then those of the second, and so on, as in ``orders``.
        """
        flat = self._flat(x)
        return torch.stack([member(flat, masks) for member in self.members for masks in range(self.options.masks)])

    def _flat(self, x: Tensor) -> Tensor:
        """X (batch, dims), in the precision that it is computed in."""
        return x.flatten(1) if self.training or self.facts.space == "binary" else x.flatten(1).double()

    def conditionals(self, x: Tensor) -> "Bernoullis | Mixture":
        """p(x_d | x_<d) for all d at once; only where there is one order."""
        outputs = self.outputs(x)
        if len(outputs) == 1:
            return self.head(outputs[0])
        return self.head.mixed(outputs, by_prefix(self._log_prob(self.head(outputs), self._flat(x)), self.order))

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape); with several orders what ``attributed`` says."""
        flat = self._flat(x)
        if self.order is not None:
            terms = self._log_prob(self.conditionals(x), flat)
        else:
            terms = attributed(self._log_prob(self.head(self.outputs(x)), flat))
        return terms.to(x.dtype).reshape(-1, *self.event_shape)

    def _log_prob(self, found: "Bernoullis | Mixture", flat: Tensor) -> Tensor:
        """Log p of x (batch, dims) under conditionals, of cells where the values of a column lie apart."""
        return found.log_prob_in(self.cells, flat) if isinstance(found, Mixture) else found.log_prob(flat)

    @property
    def tailed(self) -> bool:
        """Whether dimensions are real numbers."""
        return self.facts.space == "real"

    def dim_log_tail(self, x: Tensor) -> Tensor:
        """Two-sided tail of p(x_d | x_<d), shape (batch, *event_shape); with several orders the mean over these."""
        flat = self._flat(x)
        found = self.head(self.outputs(x)) if self.order is None else self.conditionals(x)
        tails = found.log_tail_in(self.cells, flat)
        tails = tails.mean(0) if self.order is None else tails  # (batch, dims)
        return tails.to(x.dtype).reshape(-1, *self.event_shape)

    def loss(self, x: Tensor) -> Tensor:
        """Mean exact negative log-likelihood in nats: in training that of the parts, otherwise their mixture's."""
        if not self.training:
            return -self.log_prob(x).mean()
        flat, sets = x.flatten(1), self.options.masks
        shares = [flat[masks::sets] for masks in range(min(sets, len(flat)))]
        terms = [
            self._log_prob(self.head(member(share, masks)), share).sum()
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
        drawn = self.cells.nearest(conditionals.draw(*noise, temperature[:, None]))
        return drawn.to(x.dtype).reshape(-1, *self.event_shape)


def places(order: Tensor) -> Tensor:
    """The place of every dimension in an order, 1..dims, int64, shape (dims,)."""
    return torch.argsort(order) + 1


def by_prefix(terms: Tensor, order: Tensor) -> Tensor:
    """Log-weights of parts in one order, shape (parts, batch, dims): log p(part | x_<d)."""
    running = torch.cumsum(terms.index_select(-1, order), -1)[..., :-1]
    before = torch.cat([torch.zeros_like(terms[..., :1]), running], -1)  # in order
    return torch.log_softmax(before, 0).index_select(-1, torch.argsort(order))


def chosen(outputs: Tensor, choice: Tensor) -> Tensor:
    """The outputs of one part for each row: (parts, batch, …) and uniform numbers (batch,) → (batch, …)."""
    index = part_of(choice, len(outputs)).reshape(1, -1, *[1] * (outputs.dim() - 2))
    return outputs.gather(0, index.expand(1, *outputs.shape[1:]))[0]


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


class MaskedNetwork(nn.Module):
    """X → outputs of every dimension that depend on the dimensions before it only.

    Every unit has a degree, the number of dimensions (first in the order) that it may depend on. A connection is kept
    only where degrees do not decrease, and strictly increase into the output. Degrees of hidden units are spread evenly
    over 1..D−1, so that no unit is disconnected by chance. Both layers of a residual block keep the degrees of what
    they are added to (C. Nash, C. Durkan, "Autoregressive Energy Machines", ICML 2019, arXiv 1904.05626, section 3.2:
    ResMADE). Where the same weights are used under several sets of masks, every set deals the degrees to the hidden
    units in a random order of its own, and may take the dimensions in an order of its own, too.

    ``places`` holds the place of every dimension in the order of every set of masks, 1..dims, shape (sets, dims).
    """

    def __init__(
        self, places: Tensor, hidden: tuple[int, ...], blocks: int, outputs: int, *, direct: bool, seed: int
    ) -> None:
        super().__init__()
        sets, self.dims = places.shape
        self.outputs = outputs
        generator = torch.Generator().manual_seed(seed)
        before = places
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        for units in hidden:
            after = _degrees(sets, units, self.dims, generator)
            self.layers.append(MaskedLinear(before[:, None, :] <= after[:, :, None]))
            before = after
        for _ in range(blocks):
            keeps = before[:, None, :] <= before[:, :, None]
            self.blocks.append(nn.ModuleList([MaskedLinear(keeps), MaskedLinear(keeps)]))
            nn.init.uniform_(self.blocks[-1][1].weight, -1e-3, 1e-3)  # a block begins close to the identity
        ends = places.repeat_interleave(outputs, 1)
        self.output = MaskedLinear(before[:, None, :] < ends[:, :, None])
        self.direct = MaskedLinear(places[:, None, :] < ends[:, :, None]) if direct else None

    def forward(self, x: Tensor, masks: int) -> Tensor:
        """Outputs (batch, dims, outputs) for x (batch, dims) under one set of masks, in x's precision."""
        h = x
        for layer in self.layers:
            h = torch.relu(layer(h, masks))
        for first, second in self.blocks:
            h = h + second(torch.relu(first(torch.relu(h), masks)), masks)
        if len(self.blocks):
            h = torch.relu(h)
        y = self.output(h, masks)
        y = y if self.direct is None else y + self.direct(x, masks)
        return y.reshape(-1, self.dims, self.outputs)

    def compact(self) -> None:
        """Leaves out the blocks of the weights that the masks make zero: half the size (per set), half the work."""
        for layers in (self.layers, *self.blocks):
            for index, layer in enumerate(layers):
                layers[index] = _Staircases(layer)
        self.output = _Staircases(self.output)
        if self.direct is not None:
            self.direct = _Staircases(self.direct)


class MaskedLinear(nn.Linear):
    """A linear layer with sets of masks over its weight, (sets, outputs, inputs); its input decides the precision."""

    def __init__(self, masks: Tensor) -> None:
        _, outputs, inputs = masks.shape
        super().__init__(inputs, outputs)
        self.register_buffer("masks", masks, persistent=False)

    def forward(self, x: Tensor, masks: int) -> Tensor:
        """Shape (batch, outputs), under one set of masks."""
        return nn.functional.linear(x, (self.weight * self.masks[masks]).to(x.dtype), self.bias.to(x.dtype))


class _Staircases(nn.ModuleList):
    """A masked layer in its smallest form: a staircase for every set of masks, each with its share of the weight."""

    def __init__(self, layer: MaskedLinear) -> None:
        super().__init__(Staircase(layer, mask) for mask in layer.masks)

    def forward(self, x: Tensor, masks: int) -> Tensor:
        return self[masks](x)


class Staircase(nn.Module):
    """A masked linear layer as a staircase of dense blocks.

    Rows and columns are sorted by how much the mask leaves of them; then row r needs a prefix of the columns that grows
    with r, and a block of rows needs the prefix of its last row. Twenty-four blocks keep 52 % of a triangular weight;
    a small weight has fewer.
    """

    def __init__(self, linear: nn.Linear, mask: Tensor) -> None:
        super().__init__()
        rows = torch.argsort(mask.sum(1), stable=True)
        columns = torch.argsort(mask.sum(0), descending=True, stable=True)
        self.register_buffer("columns", None if _is_sorted(columns) else columns)
        self.register_buffer("places", None if _is_sorted(rows) else torch.argsort(rows))
        weight, bias = (linear.weight * mask).detach()[rows][:, columns], linear.bias.detach()[rows]
        reach = mask.sum(1)[rows]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        blocks = max(1, min(MOST_BLOCKS, weight.numel() // BLOCK_WEIGHTS, len(rows)))
        for block in torch.arange(len(rows)).tensor_split(blocks):
            width = max(int(reach[block[-1]]), 1)
            self.weights.append(weight[block, :width].clone())
            self.biases.append(bias[block].clone())

    def forward(self, x: Tensor) -> Tensor:
        """The same as the masked layer, shape (batch, rows), in x's precision."""
        x = x if self.columns is None else x[:, self.columns]
        steps = [
            nn.functional.linear(x[:, : weight.shape[1]], weight.to(x.dtype), bias.to(x.dtype))
            for weight, bias in zip(self.weights, self.biases, strict=True)
        ]
        y = torch.cat(steps, 1)
        return y if self.places is None else y[:, self.places]


def _degrees(sets: int, units: int, dims: int, generator: torch.Generator) -> Tensor:
    """Degrees of hidden units, evenly spread, int64, shape (sets, units); of several sets, each in random order."""
    spread = torch.linspace(1, max(dims - 1, 1), units).round().long()
    if sets == 1:
        return spread[None]
    return torch.stack([spread[torch.randperm(units, generator=generator)] for _ in range(sets)])


def _is_sorted(index: Tensor) -> bool:
    return torch.equal(index, torch.arange(len(index)))
