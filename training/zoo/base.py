"""What a family is: a torch module over model-space ``x``, and the capabilities it declares by its base classes.

Family
├── Density             log p(x) or an estimate of a bound, in nats
├── DirectSampler       one call turns noise into x
│   └── CompletingSampler   … and keeps the dimensions that are known
│       ├── ConditioningSampler   … whichever they are
│       └── SequentialSampler     … drawing one position after the other
├── FixedPointSampler   one parallel pass proposes x from x and the same noise
├── Encoder             x → vector
│   ├── LabelPosterior      … of the probabilities of the labels
│   └── Reconstructing      … and back, without a density: scored by how badly it restores
├── LabelConditioned    can be told the label of what it generates
├── FactorisedDensity   a Density that is a product of terms, one per dimension
│   └── Autoregressive      … each given the dimensions before it, in an order
├── VariationalBound    a Density with a latent z: ELBO and importance-weighted bound
└── how it is fitted, one of these: GradientTrained (a game of players; LikelihoodTrained is one of a single player),
    ClosedForm, LabelledClosedForm (what these take is known before: Computed)

Model space: float tensors, shape (batch, *event_shape); images are (batch, channels, height, width), sequences and
recordings (batch, time). ``levels`` are whole numbers 0..V−1 as floats, ``binary`` is the same with V = 2.
All randomness is an argument. Nothing here knows recipes, loops or bundles.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from training.progress import Progress

Space = Literal["binary", "levels", "signed_unit", "real"]
Kind = Literal["exact", "lower_bound", "implicit", "representation"]
Sampling = Literal["direct", "fixed_point", "sequential"]
Tensors = tuple[Tensor, ...]
Advance = Callable[[Tensors, Tensor, Tensors], tuple[Tensors, Tensor]]


class Options(BaseModel):
    """Base of a family's options: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Noise:
    """A noise array a computation takes; ``shape`` is per item, and ``shared`` noise has no batch axis."""

    name: str
    distribution: Literal["uniform", "normal"]
    shape: tuple[int, ...]
    shared: bool = False

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """Fresh noise, float32, shape (batch, *shape), or (*shape,) if shared."""
        size = self.shape if self.shared else (batch, *self.shape)
        fill = torch.rand if self.distribution == "uniform" else torch.randn
        return fill(size, generator=generator)


@dataclass(frozen=True)
class Facts:
    """What a family is told about its data: the shape of one x, without batch, and what its numbers are.

    ``levels`` is how many values a dimension can take, 0 where they are not counted; ``end`` the level that ends an
    item and that nothing but itself follows, None where items have no end; ``classes`` how many labels there are.
    """

    event_shape: tuple[int, ...]
    space: Space
    levels: int = 0
    end: int | None = None
    classes: int = 0

    def __post_init__(self) -> None:
        """Refuses a number of levels that the space does not have."""
        right = {"binary": self.levels == 2, "levels": self.levels >= 2}.get(self.space, self.levels == 0)
        if not right:
            raise ValueError(f"expected 2 levels of binary x, 2 or more of levels, else 0; got {self.levels}")


class Family(nn.Module, ABC):
    """Base of all families; TypeError for a class that fits two descriptions of which it can only have one.

    ``title`` and ``paper`` are shown to people; ``space`` is what x must look like (or may, where there are several).
    """

    title: ClassVar[str]
    paper: ClassVar[str]
    kind: ClassVar[Kind]
    space: ClassVar[Space | tuple[Space, ...]]
    rounding: ClassVar[float] = 1e-4
    temperature: ClassVar[str] = ""
    Options: ClassVar[type[Options]] = Options

    def __init__(self, facts: Facts, options: Options) -> None:
        super().__init__()
        _refuse_ambiguous(type(self))
        self.facts, self.options = facts, options

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of x without batch."""
        return self.facts.event_shape

    @property
    def dims(self) -> int:
        """Number of dimensions of one x."""
        return int(torch.Size(self.event_shape).numel())

    @property
    def sampler(self) -> Sampling | None:
        """How samples are drawn, None where they cannot be; a family with both samplers says which, by its own."""
        if isinstance(self, FixedPointSampler):
            return "fixed_point"
        if isinstance(self, SequentialSampler):
            return "sequential"
        return "direct" if isinstance(self, DirectSampler) else None

    def compact(self) -> None:
        """Replaces the weights, in place and for good, by the smallest equal form; called once before export."""


def spaces(family: type[Family]) -> tuple[Space, ...]:
    """What x may look like."""
    return family.space if isinstance(family.space, tuple) else (family.space,)


class Density(ABC):
    """A family that scores: log p(x), or an estimate of a lower bound of it, in nats."""

    @property
    def bound(self) -> str | None:
        """Name of the bound, None where log p(x) is exact."""
        return None

    @property
    def score_noise(self) -> tuple[Noise, ...]:
        """Noise the score needs; shared by all rows, so that the same x always gets the same score."""
        return ()

    @property
    def marginalises(self) -> bool:
        """Whether NaN in x may stand for a dimension that is missing: ``log_prob`` is then that of the others."""
        return False

    @abstractmethod
    def log_prob(self, x: Tensor, *noise: Tensor) -> Tensor:
        """Log-density in nats, shape (batch,)."""


class FactorisedDensity(Density):
    """An exact density that is a product of conditionals, one per dimension."""

    @abstractmethod
    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Conditional log-densities, shape (batch, *event_shape); they sum to ``log_prob``."""

    def log_prob(self, x: Tensor, *noise: Tensor) -> Tensor:
        """Exact log p(x), shape (batch,)."""
        return self.dim_log_prob(x).flatten(1).sum(1)

    @property
    def tailed(self) -> bool:
        """Whether the conditionals are of real numbers, with tails that ``dim_log_tail`` measures."""
        return False

    def dim_log_tail(self, x: Tensor) -> Tensor:
        """Log of 2 min(F, 1 − F), F the distribution function of each conditional at x; ≤ 0, (batch, *event_shape)."""
        raise NotImplementedError(f"{type(self).__name__} has no tails")

    def dim_log_prob_and_tail(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both, for a family that computes them together."""
        return self.dim_log_prob(x), self.dim_log_tail(x)


class Autoregressive(FactorisedDensity):
    """Exact log p(x) = Σ_d log p(x_d | x_<d) in an order.

    ``order`` holds the dimensions from first to last, int64, shape (dims,); None where several orders are mixed, so
    that no conditional given the first few dimensions of one of them is at hand.
    """

    order: Tensor | None


class VariationalBound(Density):
    """A family with a latent z whose density is bounded from below."""

    @property
    @abstractmethod
    def latent_size(self) -> int:
        """Length of z."""

    @abstractmethod
    def coding(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Parts of −log p(x | z) at the mean z of q(z | x), (batch, *event_shape); KL(q ‖ p), (batch,); that mean.

        The first two are in nats; the mean is of shape (batch, latent).
        """

    @abstractmethod
    def elbo(self, x: Tensor, eps: Tensor) -> Tensor:
        """Evidence lower bound with one draw per item, eps (batch, latent); nats, shape (batch,)."""

    @abstractmethod
    def importance_weighted_bound(self, x: Tensor, eps: Tensor) -> Tensor:
        """Estimate of the bound with k draws shared by all items, eps (k, latent); nats, shape (batch,)."""


class DirectSampler(ABC):
    """A family that turns noise into samples in one call."""

    latents: ClassVar[str | None] = None

    @property
    @abstractmethod
    def noise(self) -> tuple[Noise, ...]:
        """The noise arrays of ``generate``, in order."""

    @abstractmethod
    def generate(self, *noise: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor | None]:
        """Samples and, if the family has one, their mean given the latent; both (batch, *event_shape).

        ``temperature`` has shape (batch,).
        """


@dataclass(frozen=True)
class Known:
    """What of x is known: ``x`` where ``mask``, a bool tensor, is true; both (batch, *event_shape)."""

    x: Tensor
    mask: Tensor

    def keep(self, drawn: Tensor) -> Tensor:
        """What was drawn, with the known dimensions put back; all (batch, *event_shape)."""
        return torch.where(self.mask, self.x, drawn)


class CompletingSampler(DirectSampler):
    """A sampler of an autoregressive family that can keep known dimensions and draw the rest.

    The rest is exact given the known dimensions before it in the order. So where no known dimension comes after an
    unknown one, it is an exact sample of p(unknown | known); otherwise it ignores what comes later.
    """

    @abstractmethod
    def generate(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> tuple[Tensor, Tensor | None]:
        """Samples as in DirectSampler, with the known dimensions as given."""


class ConditioningSampler(CompletingSampler):
    """A completing sampler whose rest is an exact sample of p(unknown | known), whichever dimensions are known.

    It need not be autoregressive.
    """


@dataclass(frozen=True)
class Zeros:
    """A state that starts as zeros; ``shape`` is that of one row."""

    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class Sequence:
    """How a sampler draws one position after the other, said once: whole samples and steps of some positions follow.

    From position to position it carries a state. What it reads at a position, weights and, of every row, noise and what
    is known, is a function of the position; so a sample can be drawn in pieces, with nothing kept but the state.
    ``positions`` are drawn in order; at each as many numbers as ``width`` says, one if it is empty.

    ``start`` is the state before the first, each part (batch, …). ``at`` gives what is read at some positions, int64
    (count,): tensors (count, …). ``advance`` takes a state, positions that follow each other and what is read there,
    and gives the next state and what is drawn, (count, *width, batch). Beyond the end the last position is repeated;
    what that gives nobody sees. ``read`` makes x (batch, *event_shape) of
    everything drawn, (batch, positions, *width).
    """

    positions: int
    start: tuple[Tensor | Zeros, ...]
    at: Callable[[Tensor], Tensors]
    advance: Advance
    read: Callable[[Tensor], Tensor]
    width: tuple[int, ...] = ()

    def whole(self, like: Tensor) -> Tensor:
        """Samples x (batch, *event_shape); ``like`` (batch, …) says how many, and where.

        The pieces are about √positions long, so that neither a long state is copied often nor a piece is large.
        """
        state = tuple(
            like.new_zeros(like.shape[0], *part.shape, dtype=part.dtype) if isinstance(part, Zeros) else part
            for part in self.start
        )
        pieces = []
        for positions in torch.arange(self.positions, device=like.device).split(math.isqrt(self.positions)):
            state, drawn = self.advance(state, positions, self.at(positions))
            pieces.append(drawn.movedim(-1, 0))
        return self.read(torch.cat(pieces, 1))


class SequentialSampler(CompletingSampler):
    """A completing sampler that draws one position after the other, so that samples can be drawn in steps."""

    @abstractmethod
    def sequence(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> Sequence:
        """How; for noise, temperature (batch,) and known dimensions as ``generate`` takes them."""

    def generate(
        self, *noise: Tensor, temperature: Tensor, known: Known | None = None, **told: Tensor
    ) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape)."""
        return self.sequence(*noise, temperature=temperature, known=known, **told).whole(noise[0]), None


class FixedPointSampler(ABC):
    """A family whose samples are the fixed point of one parallel pass (Wiggers & Hoogeboom 2020; Song et al. 2021).

    Known dimensions are kept by putting them back after every pass.
    """

    dims: int

    @property
    def noise(self) -> tuple[Noise, ...]:
        """The noise arrays of ``propose``, in order; one uniform number per dimension unless a family says more."""
        return (Noise("u", "uniform", (self.dims,)),)

    @abstractmethod
    def propose(self, x: Tensor, *noise: Tensor, temperature: Tensor) -> Tensor:
        """Every dimension redrawn from its conditional given the current x, with the same noise.

        x and result (batch, *event_shape); temperature (batch,).
        """


class LabelConditioned(ABC):
    """A family that can be told the label: one of ``classes``.

    A label is an int64 tensor (batch,) with values 0..classes−1, or ``classes`` where it is not known. ``generate`` or
    ``propose``, and ``loss``, take it as the keyword ``label``; ``log_prob`` is that of an item of any label.
    """

    facts: Facts

    @property
    def classes(self) -> int:
        """Number of labels; 0 if it is not told any after all."""
        return self.facts.classes


def takes_label(family: Family) -> bool:
    """Whether the family can be told a label: it may have been fitted to data without any."""
    return isinstance(family, LabelConditioned) and family.classes > 0


class Encoder(ABC):
    """A family that turns x into a vector."""

    encodes: ClassVar[str]

    @property
    @abstractmethod
    def embedding_dims(self) -> int:
        """Length of an embedding."""

    @abstractmethod
    def embed(self, x: Tensor) -> Tensor:
        """Embeddings, shape (batch, embedding_dims)."""


class Reconstructing(Encoder):
    """An encoder with a way back and no density; what its codes do not restore says how unusual an item is."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """The items of codes (batch, embedding_dims), shape (batch, *event_shape); real numbers, whatever the space."""

    def errors(self, x: Tensor) -> Tensor:
        """Squared differences between x and what its code restores, shape (batch, *event_shape)."""
        return (x - self.decode(self.embed(x))).square()


class LabelPosterior(Encoder):
    """An encoder whose embedding is p(label | x), one probability for each label."""

    encodes = "probability of each label"


@dataclass(frozen=True)
class Turn:
    """What a player wants small, a scalar, and what else is worth logging, by name."""

    loss: Tensor
    beside: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Player:
    """Who moves the weights of some modules, to make a loss of what ``deal`` gives small.

    The recipe says how it learns, but for a ``schedule`` of its own. It plays on ``every`` n-th batch, so that others
    can take several steps to one of its.
    """

    name: str
    moves: tuple[nn.Module, ...]
    loss: Callable[..., Turn]
    schedule: Literal["cosine", "constant"] | None = None
    every: int = 1


class GradientTrained(ABC):
    """A family fitted by gradient descent: a game whose players play in turn."""

    @property
    @abstractmethod
    def players(self) -> tuple[Player, ...]:
        """Who plays, in the order of their turns."""

    def deal(self, x: Tensor, **told: Tensor) -> dict[str, Tensor]:
        """What the players of one batch share, by the names that their losses take: x, and its label if it is told."""
        return {"x": x, **told}


class LikelihoodTrained(GradientTrained):
    """A family fitted by gradient descent on one loss: a game of one player."""

    @abstractmethod
    def loss(self, x: Tensor) -> Tensor:
        """Mean negative log-density, or a bound of it, in nats; a scalar. LabelConditioned: with the keyword label."""

    @property
    def players(self) -> tuple[Player, ...]:
        """The family itself; what is logged is its ``train_loss``."""
        return (Player("train", (self,), lambda **dealt: Turn(self.loss(**dealt))),)


class Computed(ABC):
    """A family that is not searched by gradient, and knows before it is built what that takes."""

    @classmethod
    @abstractmethod
    def fit_bytes(cls, facts: Facts, options: Options, items: int) -> int:
        """Memory that building and fitting it take, in bytes, for that many items to fit on and to choose by."""

    @classmethod
    def graph_bytes(cls, facts: Facts, options: Options) -> int:
        """The most bytes of weights that one of its graphs may hold; 0 of a family that cannot become large."""
        return 0

    @classmethod
    def cheaper(cls, options: Options) -> Iterator[Options]:
        """Options that take less memory, from the least change to the greatest; none where no option changes it."""
        return iter(())


class ClosedForm(Computed):
    """A family whose parameters are computed, not searched by gradient; ``progress`` is told how far it is."""

    @abstractmethod
    def fit(
        self, x: Tensor, x_validation: Tensor, seed: int, progress: Progress | None = None
    ) -> dict[str, float | str]:
        """Fits in place, choosing hyper-parameters on validation data; returns what was chosen, for the report."""


class LabelledClosedForm(Computed):
    """A family whose parameters are computed from items with labels; ``progress`` is told how far it is."""

    @abstractmethod
    def fit_labelled(
        self,
        x: Tensor,
        label: Tensor,
        x_validation: Tensor,
        label_validation: Tensor,
        seed: int,
        progress: Progress | None = None,
    ) -> dict[str, float | str]:
        """Fits in place, labels int64 (batch,); returns what was chosen, for the report."""


# Of each row a family can be one thing only.
_EITHER: dict[str, tuple[type, ...]] = {
    "way to be fitted": (GradientTrained, ClosedForm, LabelledClosedForm),
    "kind of density": (FactorisedDensity, VariationalBound),
    "sampler": (DirectSampler, FixedPointSampler),
}


def _refuse_ambiguous(family: type[Family]) -> None:
    """TypeError where a class fits several descriptions of a row, but for two samplers of which it says which."""
    for what, kinds in _EITHER.items():
        found = [kind.__name__ for kind in kinds if issubclass(family, kind)]
        says = what == "sampler" and family.sampler is not Family.sampler
        if len(found) > 1 and not says:
            cure = "; override the property `sampler` to say which" if what == "sampler" else ""
            raise TypeError(f"{family.__name__}: expected one {what}, got {' and '.join(found)}{cure}")


def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    """Log p of binary x under independent Bernoullis with these logits, elementwise, in nats."""
    return x * logits - nn.functional.softplus(logits)


def draw_bernoulli(logits: Tensor, u: Tensor, temperature: Tensor) -> Tensor:
    """1.0 where u < sigmoid(logits / temperature); logits and u (batch, dims), temperature (batch,)."""
    return (u < torch.sigmoid(logits / temperature[:, None])).to(logits.dtype)
