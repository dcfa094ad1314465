"""The score graph as a torch module: a family, its transform, and the statistics of what they say about an item."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.missing import marginalises
from training.statistics import Evidence, Statistics
from training.transforms import Transform
from training.zoo.base import FactorisedDensity, Family, VariationalBound


class Scoring(nn.Module):
    """What a family says about raw items: log_prob first, then ``outputs``, then the statistics if there are any."""

    def __init__(self, family: Family, transform: Transform, statistics: Statistics | None = None) -> None:
        super().__init__()
        self.family, self.transform, self.statistics = family, transform, statistics
        self.transform_noises = len(transform.score_noise)
        self.tailed = isinstance(family, FactorisedDensity) and family.tailed and transform.raw == "row"
        self.outputs = _outputs(family, self.tailed)
        self.marginal = marginalises(family, transform)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the results of ``forward``."""
        if self.statistics is None:
            return ("log_prob", *self.outputs)
        terms = [name for name in self.outputs if name in ("dim_log_prob", "reconstruction_error")]
        others = [item.name for item in self.statistics.members if item.name != "log_prob"]
        return ("log_prob", *terms, *others)

    def forward(self, raw: Tensor, *noise: Tensor) -> tuple[Tensor, ...]:
        """Arrays (batch, …) in the order of ``names``; float32."""
        x = self.transform(raw, *noise[: self.transform_noises])
        found = self._scored(raw, x, noise[self.transform_noises :])
        if self.statistics is None:
            return found
        named = dict(zip(("log_prob", *self.outputs), found, strict=True))
        values = self.statistics(Evidence.of(x, named, marginal=self.marginal))
        found_too = zip(self.statistics.members, values, strict=True)
        named |= {item.name: value for item, value in found_too if item.name != "log_prob"}  # that of what is there
        return tuple(named[name] for name in self.names)

    def _scored(self, raw: Tensor, x: Tensor, noise: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if not isinstance(self.family, FactorisedDensity):
            total = self.family.log_prob(x, *noise)
            total = (total.double() + self.transform.log_det_of(x, raw)).float()
            return (total, *(_coding(self.family, x) if isinstance(self.family, VariationalBound) else ()))
        dims, tails = self.family.dim_log_prob_and_tail(x) if self.tailed else (self.family.dim_log_prob(x), None)
        dims = self.transform.raw_terms(dims, x, raw)  # sums of hundreds of terms: double costs nothing here
        dims = _per_position(self._of_what_is_there(dims, raw))
        return dims.flatten(1).sum(1).float(), dims.float(), *self._tail(tails, raw)

    def _tail(self, tails: Tensor | None, raw: Tensor) -> tuple[Tensor, ...]:
        """-Σ log of the two-sided tail probability of every dimension, (batch,), for rows of a table."""
        if tails is None:
            return ()
        tails = self._of_what_is_there(self.transform.raw_tails(tails, raw), raw)
        return (-tails.double().flatten(1).sum(1).float(),)

    def _of_what_is_there(self, terms: Tensor, raw: Tensor) -> Tensor:
        """The terms, with 0 for missing columns where the family can leave them out."""
        return torch.where(torch.isnan(raw), 0.0, terms) if self.marginal else terms


def _coding(family: VariationalBound, x: Tensor) -> tuple[Tensor, ...]:
    """Reconstruction error and rate, (batch,), the code, (batch, latent), and the error per position, (batch, …)."""
    terms, rate, latent = family.coding(x)
    return terms.flatten(1).sum(1), rate, latent, _per_position(terms)


def _per_position(terms: Tensor) -> Tensor:
    """One number per pixel of an image, (batch, height, width); what is no image stays as it is."""
    return terms.sum(1) if terms.dim() == 4 else terms


def _outputs(family: Family, tailed: bool) -> tuple[str, ...]:
    """What there is beside log_prob."""
    if isinstance(family, FactorisedDensity):
        return ("dim_log_prob", "tail") if tailed else ("dim_log_prob",)
    if isinstance(family, VariationalBound):
        return ("reconstruction", "rate", "latent", "reconstruction_error")
    return ()
