"""Independent categorical pixels: p(x) = Π_d p_d(x_d), one table of V probabilities per pixel.

The baseline for images in grey levels. The maximum-likelihood p_d(v) is the share of items with level v; Laplace
smoothing with a pseudo-count ``a`` keeps an unseen level from getting probability zero,
p_d(v) = (count_d(v) + a) / (N + V a), and ``a`` is the candidate with the best validation likelihood. Where items end
(texts), only the end follows the end, and N counts the items that have not ended. (Any textbook, e.g. C. Bishop,
Pattern Recognition and Machine Learning, 2006, §2.2.)
"""

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from training.progress import Progress
from training.zoo.base import ClosedForm, DirectSampler, FactorisedDensity, Facts, Family, Noise, Options
from training.zoo.parts.conditionals import is_open


class CategoricalOptions(Options):
    """Options of ``categorical``."""

    pseudo_counts: tuple[float, ...] = Field(
        default=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), description="smoothings to try"
    )


class Categorical(Family, FactorisedDensity, DirectSampler, ClosedForm):
    """Independent dimensions with levels 0..V−1; exact log p(x), direct samples."""

    title = "Independent categorical"
    paper = "textbook baseline (Bishop 2006, §2.2)"
    kind = "exact"
    space = "levels"
    temperature = "divides the log-probabilities: below 1 nearer to the most likely image, above 1 nearer to noise"
    Options: ClassVar[type[Options]] = CategoricalOptions

    def __init__(self, facts: Facts, options: CategoricalOptions) -> None:
        super().__init__(facts, options)
        uniform = torch.zeros(self.dims, facts.levels).log_softmax(1)
        self.log_probabilities = torch.nn.Parameter(uniform, requires_grad=False)  # (dims, levels)

    @classmethod
    def fit_bytes(cls, facts: Facts, options: Options, items: int) -> int:
        """The items as places in a table, and the table of every candidate."""
        dims = math.prod(facts.event_shape)
        return dims * (28 * items + 8 * facts.levels * (4 + len(options.pseudo_counts)))

    def fit(
        self, x: Tensor, x_validation: Tensor, seed: int, progress: Progress | None = None
    ) -> dict[str, float | str]:
        """Smoothed maximum likelihood; deterministic, the seed is not used."""
        counts, held_out = self._counts(x), self._counts(x_validation)
        candidates = {}
        for pseudo_count in self.options.pseudo_counts:
            smoothed = counts + pseudo_count
            table = smoothed.log() - smoothed.sum(1, keepdim=True).log()
            candidates[pseudo_count] = (float((held_out * table).sum()) / len(x_validation), table)
        best = max(candidates, key=lambda pseudo_count: candidates[pseudo_count][0])
        self.log_probabilities.data = candidates[best][1].float()
        return {"pseudo_count": best, "model_space_validation_log_prob": candidates[best][0]}

    def _counts(self, x: Tensor) -> Tensor:
        """How often each level occurs in each dimension, float64, shape (dims, levels)."""
        levels = x.flatten(1).long()  # (batch, dims)
        counts = torch.zeros(self.dims, self.facts.levels, dtype=torch.float64)
        return counts.scatter_add_(1, levels.T, self._is_open(levels).T.double())

    def _is_open(self, levels: Tensor) -> Tensor:
        """Where the item has not ended before, bool, for levels (batch, dims)."""
        return torch.ones_like(levels, dtype=torch.bool) if self.facts.end is None else is_open(levels, self.facts.end)

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Marginal log-probabilities, shape (batch, *event_shape)."""
        first = torch.arange(self.dims, device=x.device) * self.facts.levels  # of each dimension in the flat table
        levels = x.flatten(1).long()
        found = self.log_probabilities.flatten()[levels + first]
        if self.facts.end is not None:
            certain = torch.where(levels == self.facts.end, 0.0, -torch.inf)
            found = torch.where(self._is_open(levels), found, certain)
        return found.reshape(-1, *self.event_shape)

    @property
    def noise(self) -> tuple[Noise, ...]:
        """One uniform number per pixel."""
        return (Noise("u", "uniform", (self.dims,)),)

    def generate(self, *noise: Tensor, temperature: Tensor) -> tuple[Tensor, None]:
        """Exact samples by inverse CDF, shape (batch, *event_shape)."""
        (u,) = noise
        probabilities = torch.softmax(self.log_probabilities / temperature[:, None, None], 2)
        ends = torch.cumsum(probabilities, 2)  # (batch, dims, levels); rounding may leave the last one below 1
        x = torch.clamp((u[:, :, None] >= ends).sum(2), max=self.facts.levels - 1)
        if self.facts.end is not None:
            x = torch.where(self._is_open(x), x, self.facts.end)
        return x.float().reshape(-1, *self.event_shape), None
