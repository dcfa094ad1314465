"""Independent Bernoulli pixels: p(x) = Π_d p_d^{x_d} (1 − p_d)^{1 − x_d}.

The baseline every other density has to beat. The maximum-likelihood p_d is the share of ones; Laplace smoothing with a
pseudo-count ``a`` keeps an unseen value from getting probability zero, p_d = (ones_d + a) / (N + 2a), and ``a`` is the
candidate with the best validation likelihood. (Any textbook, e.g. C. Bishop, Pattern Recognition and Machine Learning,
2006, §2.1.)
"""

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from training.progress import Progress
from training.zoo.base import (
    ClosedForm,
    DirectSampler,
    FactorisedDensity,
    Facts,
    Family,
    Noise,
    Options,
    bernoulli_log_prob,
    draw_bernoulli,
)


class BernoulliOptions(Options):
    """Options of ``bernoulli``."""

    pseudo_counts: tuple[float, ...] = Field(default=(0.01, 0.1, 0.5, 1.0, 2.0), description="smoothings to try")


class Bernoulli(Family, FactorisedDensity, DirectSampler, ClosedForm):
    """Independent binary dimensions; exact log p(x), direct samples."""

    title = "Independent Bernoulli"
    paper = "textbook baseline (Bishop 2006, §2.1)"
    kind = "exact"
    space = "binary"
    temperature = "divides the logits: below 1 nearer to the most likely image, above 1 nearer to noise"
    Options: ClassVar[type[Options]] = BernoulliOptions

    def __init__(self, facts: Facts, options: BernoulliOptions) -> None:
        super().__init__(facts, options)
        self.logits = torch.nn.Parameter(torch.zeros(self.dims), requires_grad=False)

    @classmethod
    def fit_bytes(cls, facts: Facts, options: Options, items: int) -> int:
        """The items in float64, and the logits of every candidate."""
        return math.prod(facts.event_shape) * (12 * items + 8 * (2 + len(options.pseudo_counts)))

    def fit(
        self, x: Tensor, x_validation: Tensor, seed: int, progress: Progress | None = None
    ) -> dict[str, float | str]:
        """Smoothed maximum likelihood; deterministic, the seed is not used."""
        ones = x.flatten(1).double().sum(0)
        held_out = x_validation.flatten(1).double()
        candidates = {}
        for count in self.options.pseudo_counts:
            logits = torch.log(ones + count) - torch.log(len(x) - ones + count)
            candidates[count] = (float(bernoulli_log_prob(logits, held_out).sum(1).mean()), logits)
        best = max(candidates, key=lambda count: candidates[count][0])
        self.logits.data = candidates[best][1].float()
        return {"pseudo_count": best, "model_space_validation_log_prob": candidates[best][0]}

    def dim_log_prob(self, x: Tensor) -> Tensor:
        """Marginal log-probabilities, shape (batch, *event_shape)."""
        return bernoulli_log_prob(self.logits, x.flatten(1)).reshape(-1, *self.event_shape)

    @property
    def noise(self) -> tuple[Noise, ...]:
        """One uniform number per pixel."""
        return (Noise("u", "uniform", (self.dims,)),)

    def generate(self, *noise: Tensor, temperature: Tensor) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape)."""
        (u,) = noise
        x = draw_bernoulli(self.logits[None, :], u, temperature)
        return x.reshape(-1, *self.event_shape), None
