"""The score as a torch module: a family, its transform, and the statistics of what they say about an item."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pofx.bundle import NoiseInput
from pofx.rules.noise import draw_shared
from pofx.rules.outputs import DIM_LOG_PROB, LOG_PROB, MAP_KINDS, RECONSTRUCTION_ERROR
from training.missing import marginalises
from training.statistics import Evidence, Statistics
from training.transforms import Transform
from training.zoo.base import Density, FactorisedDensity, Family, Noise, Reconstructing, VariationalBound

NOISE_SEED = 0
"""Of noise that all rows share, so that the same item always gets the same score."""


def bound_of(family: Family, transform: Transform) -> str | None:
    """Which bound the score estimates, None where it is exact."""
    assert isinstance(family, Density)  # noqa: S101 - there is a score
    return " + ".join(filter(None, (family.bound, transform.bound))) or None


def is_scored(family: Family) -> bool:
    """Whether items get a score: by a density, an estimate of a bound of one, or what a code does not restore."""
    return isinstance(family, Density | Reconstructing)


def noise_input(noise: Noise) -> NoiseInput:
    """How a manifest describes that noise."""
    shape = noise.shape if noise.shared else ("batch", *noise.shape)
    return NoiseInput(name=noise.name, dtype="float32", shape=shape, distribution=noise.distribution)


class Scoring(nn.Module):
    """What a family says about raw items: log_prob first if it has a density, then its outputs, then the statistics."""

    def __init__(self, family: Family, transform: Transform, statistics: Statistics | None = None) -> None:
        super().__init__()
        self.family, self.transform, self.statistics = family, transform, statistics
        self.tailed = isinstance(family, FactorisedDensity) and family.tailed and transform.raw == "row"
        self.outputs = _outputs(family, self.tailed)
        self.marginal = marginalises(family, transform)

    @property
    def noises(self) -> tuple[Noise, ...]:
        """The noise that ``forward`` takes: that of the transform, then that of the family."""
        own = self.family.score_noise if isinstance(self.family, Density) else ()
        return (*self.transform.score_noise, *own)

    def shared_noise(self, seed: int = NOISE_SEED) -> list[Tensor]:
        """That noise as the library draws it."""
        return [torch.from_numpy(draw_shared(noise_input(item), seed)) for item in self.noises]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the results of ``forward``."""
        if self.statistics is None:
            return self.outputs
        kept = [name for name in self.outputs if name == LOG_PROB or name in MAP_KINDS]
        return (*kept, *(item.name for item in self.statistics.members if item.name != LOG_PROB))

    def forward(self, raw: Tensor, *noise: Tensor) -> tuple[Tensor, ...]:
        """Arrays (batch, …) in the order of ``names``; float32. Those per position may be of blocks of them."""
        x, named = self.said(raw, *noise)
        if self.statistics is not None:
            values = self.statistics(Evidence.of(x, named, marginal=self.marginal))
            found = zip(self.statistics.members, values, strict=True)
            named |= {item.name: value for item, value in found if item.name != LOG_PROB}  # that of what is there
        return tuple(named[name] for name in self.names)

    def said(self, raw: Tensor, *noise: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Items in model space, and what the family says about them by name, before any statistic."""
        own = len(self.transform.score_noise)
        x = self.transform(raw, *noise[:own])
        return x, dict(zip(self.outputs, self._scored(raw, x, noise[own:]), strict=True))

    def _scored(self, raw: Tensor, x: Tensor, noise: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if isinstance(self.family, Reconstructing):
            errors = _per_position(self.family.errors(x))
            return errors.flatten(1).sum(1), self.family.embed(x), errors
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
    """What a family says about an item, by name."""
    if isinstance(family, Reconstructing):
        return ("reconstruction", "latent", RECONSTRUCTION_ERROR)
    if isinstance(family, FactorisedDensity):
        return (LOG_PROB, DIM_LOG_PROB, "tail") if tailed else (LOG_PROB, DIM_LOG_PROB)
    if isinstance(family, VariationalBound):
        return (LOG_PROB, "reconstruction", "rate", "latent", RECONSTRUCTION_ERROR)
    return (LOG_PROB,)
