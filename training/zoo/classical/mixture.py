"""What finite mixtures share, p(x) = Σ_k π_k p(x | k), whatever their components are.

Mixing the running products of the components' conditionals over k gives the conditionals of the mixture exactly:
p(x_1..x_d) = Σ_k π_k Π_{i≤d} p(x_i | x_<i, k), and log p(x_d | x_<d) is the difference of two such sums.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from training.zoo.base import (
    DirectSampler,
    Encoder,
    FactorisedDensity,
    Family,
    LabelConditioned,
    LabelledClosedForm,
    LabelPosterior,
    Options,
)

_CHUNK = 500  # items whose conditionals under all components are held at once


class Mixture(Family, FactorisedDensity, DirectSampler, Encoder):
    """Exact density and responsibilities of a mixture; a family adds its components."""

    kind = "exact"
    log_weights: Tensor  # float64, shape (components,)

    @abstractmethod
    def conditionals(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d, k) of complete x, float64, shape (batch, components, dims)."""

    def observed_conditionals(self, x: Tensor) -> Tensor:
        """The same given only what is there of x_<d, and 0 where x is NaN: dimensions that are missing."""
        raise NotImplementedError(f"{type(self).__name__} cannot leave out dimensions")

    @property
    def marginalises(self) -> bool:
        """For rows of a table; nothing is ever missing in other data."""
        return len(self.event_shape) == 1

    def joint(self, x: Tensor) -> Tensor:
        """Log p(x, k), float64, shape (batch, components)."""
        return self.log_weights + self.conditionals(x).sum(2)

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d), shape (batch, *event_shape)."""
        return self.mixed(self.observed_conditionals(x) if self.marginalises else self.conditionals(x))

    def mixed(self, terms: Tensor) -> Tensor:
        """The same from the conditionals of the components, (batch, components, dims)."""
        running = self.log_weights[:, None] + torch.cumsum(terms, 2)  # (batch, components, dims)
        total = torch.logsumexp(running, 1)  # log p(x_1..x_d)
        previous = torch.cat([torch.zeros_like(total[:, :1]), total[:, :-1]], 1)
        return (total - previous).float().reshape(-1, *self.event_shape)

    def weights_given_earlier(self, terms: Tensor) -> Tensor:
        """Log p(k | x_<d) from the conditionals of the components; both float64, (batch, components, dims)."""
        before = self.log_weights[:, None] + torch.cumsum(terms, 2) - terms  # log p(k, x_<d)
        return torch.log_softmax(before, 1)

    def choose(self, u: Tensor) -> Tensor:
        """Components by inverse CDF at uniform u (batch, 1), int64, shape (batch,)."""
        ends = torch.cumsum(torch.exp(self.log_weights), 0)[:-1]  # the last component takes what rounding leaves
        return (u.double() >= ends[None, :]).sum(1)

    @property
    def embedding_dims(self) -> int:
        """The number of components."""
        return len(self.log_weights)

    def embed(self, x: Tensor) -> Tensor:
        """Responsibilities p(k | x), shape (batch, components)."""
        return torch.softmax(self.joint(x), 1).float()


class LabelMixture(Mixture, LabelConditioned, LabelPosterior, LabelledClosedForm):
    """A mixture whose components are the labels: the density of items of any label, and p(label | x) by Bayes."""

    def __init__(self, event_shape: tuple[int, ...], options: Options) -> None:
        super().__init__(event_shape, options)
        if options.classes < 1:
            raise ValueError("expected data with labels, got none")

    @property
    def classes(self) -> int:
        """Number of labels."""
        return self.options.classes

    def take_weights(self, label: Tensor) -> None:
        """The shares of the labels; ValueError if one has too few items to say how they vary."""
        counts = torch.bincount(label, minlength=self.classes)
        if int(counts.min()) < 2:
            raise ValueError(
                f"expected at least 2 items of each of {self.classes} labels to fit, got {int(counts.min())} of label "
                f"number {int(counts.argmin())}"
            )
        self.log_weights.data = torch.log(counts.double() / len(label))

    def mean_log_prob(self, x: Tensor) -> float:
        """The mean of log p(x) over items, in nats."""
        parts = [torch.logsumexp(self.joint(part), 1) for part in x.split(_CHUNK)]
        return float(torch.cat(parts).mean())

    def component(self, u: Tensor, label: Tensor | None) -> Tensor:
        """The labels that were told, and drawn ones where none was known; int64, shape (batch,)."""
        drawn = self.choose(u)
        return drawn if label is None else torch.where(label < self.classes, label, drawn)
