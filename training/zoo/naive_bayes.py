"""Naive Bayes: p(x) = Σ_c π_c Π_d p(x_d | c), dimensions independent given the label.

π_c is the share of label c. For levels, p(x_d = v | c) = (count_cd(v) + a) / (N_c + V a); for binary x this is the
Bernoulli model. For real numbers, p(x_d | c) is a Gaussian with the mean and variance of the label's items, plus a
share of the largest variance of all columns, so that a constant column keeps a finite density. The pseudo-count a, or
that share, is the one with the best validation likelihood. Columns of such rows that are counted have a table for each
label (``training.cells``). Bayes' rule gives p(c | x), equal to scikit-learn's
BernoulliNB, CategoricalNB and GaussianNB, which do the fitting.

M. Maron, "Automatic indexing: an experimental inquiry", Journal of the ACM 8, 1961; P. Domingos, M. Pazzani, "On the
optimality of the simple Bayesian classifier under zero-one loss", Machine Learning 29, 1997.
"""

import math
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from sklearn.naive_bayes import CategoricalNB, GaussianNB
from torch import Tensor, nn

from training.cells import Cells, ColumnLaws, InCells
from training.progress import Progress, silent
from training.zoo.base import ConditioningSampler, Facts, Known, Noise, Options
from training.zoo.parts.conditionals import draw_categorical
from training.zoo.parts.mixtures import CHUNK, LabelMixture, log_terms


class NaiveBayesOptions(Options):
    """Options of ``naive_bayes``."""

    pseudo_counts: tuple[float, ...] = Field(
        default=(0.01, 0.03, 0.1, 0.3, 1.0, 3.0), min_length=1, description="smoothings to try, for levels"
    )
    variance_shares: tuple[float, ...] = Field(
        default=(1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1),
        min_length=1,
        description="shares of the largest variance to try adding, for real numbers",
    )


class NaiveBayes(LabelMixture, ConditioningSampler, InCells):
    """Independent dimensions given the label; exact density, direct samples, p(label | x) as embedding."""

    title = "Naive Bayes"
    paper = "Maron 1961; Domingos & Pazzani 1997"
    space = ("binary", "levels", "real")
    temperature = "divides the log-probabilities of levels; multiplies the standard deviation of real numbers"
    Options: ClassVar[type[Options]] = NaiveBayesOptions

    def __init__(self, facts: Facts, options: NaiveBayesOptions) -> None:
        super().__init__(facts, options)
        if facts.end is not None:
            raise ValueError("expected items that do not end before their last dimension, got texts; take `markov`")
        uniform = torch.full((facts.classes,), 1 / facts.classes, dtype=torch.float64)
        self.log_weights = nn.Parameter(uniform.log(), requires_grad=False)
        tables = _Levels if facts.levels else _Normals
        self.tables = tables(facts, options)

    def take_cells(self, cells: Cells) -> None:
        """Takes over where the values of columns lie; levels know it already."""
        if isinstance(self.tables, _Normals):
            self.tables.columns.cells.take_from(cells)

    @classmethod
    def fit_bytes(cls, facts: Facts, options: Options, items: int) -> int:
        """The items in float64, the tables of every label, and the conditionals of some items."""
        dims, values = math.prod(facts.event_shape), max(facts.levels, 2)
        return 24 * items * dims + 8 * facts.classes * dims * (6 * values + 3 * CHUNK)

    def fit_labelled(
        self,
        x: Tensor,
        label: Tensor,
        x_validation: Tensor,
        label_validation: Tensor,
        seed: int,
        progress: Progress | None = None,
    ) -> dict[str, float | str]:
        """Counts or moments of every label; the smoothing with the best validation likelihood; the seed is not used."""
        self.take_weights(label)
        flat, labels = x.flatten(1).double().numpy(), label.numpy()
        scores = {}
        named = f"{self.tables.smoothing} {{:g}}".format
        for smoothing in (progress or silent()).over(self.tables.smoothings, named):
            self.tables.take(flat, labels, smoothing)
            scores[smoothing] = self.mean_log_prob(x_validation)
        best = max(scores, key=scores.__getitem__)
        self.tables.take(flat, labels, best)
        return {self.tables.smoothing: best, "model_space_validation_log_prob": scores[best]}

    def conditionals(self, x: Tensor) -> Tensor:
        """Log p(x_d | c), shape (batch, classes, dims)."""
        return self.tables.log_prob(x.flatten(1))

    @property
    def marginalises(self) -> bool:
        """For rows of a table."""
        return super().marginalises and not self.facts.levels

    def observed_conditionals(self, x: Tensor) -> Tensor:
        """The same, and 0 where x (batch, dims) is missing: the others do not depend on it."""
        missing = torch.isnan(x)
        return torch.where(missing[:, None], 0.0, self.conditionals(torch.where(missing, 0.0, x)))

    @property
    def noise(self) -> tuple[Noise, ...]:
        """A uniform number to choose the label where it is not known, and one number per dimension."""
        return (Noise("component", "uniform", (1,)), Noise(*self.tables.noise, (self.dims,)))

    def generate(
        self, *noise: Tensor, temperature: Tensor, label: Tensor | None = None, known: Known | None = None
    ) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape): given the label, dimensions do not depend on what is known."""
        component, inner = noise
        x = self.tables.draw(self.component(component, label, known), inner, temperature)
        x = x.float().reshape(-1, *self.event_shape)
        return (x if known is None else known.keep(x)), None


class _Levels(nn.Module):
    """A table of V probabilities for every label and dimension."""

    smoothing = "pseudo_count"
    noise = ("u", "uniform")

    def __init__(self, facts: Facts, options: NaiveBayesOptions) -> None:
        super().__init__()
        dims = math.prod(facts.event_shape)
        self.levels, self.smoothings = facts.levels, options.pseudo_counts
        uniform = torch.zeros(facts.classes, dims, self.levels, dtype=torch.float64).log_softmax(2)
        self.log_probabilities = nn.Parameter(uniform, requires_grad=False)

    def take(self, x: np.ndarray, label: np.ndarray, smoothing: float) -> None:
        fitted = CategoricalNB(alpha=smoothing, min_categories=self.levels, force_alpha=True).fit(x, label)
        tables = np.stack(fitted.feature_log_prob_, 1)  # (classes, dims, levels)
        self.log_probabilities.data = torch.from_numpy(tables)

    def log_prob(self, x: Tensor) -> Tensor:
        classes, dims, levels = self.log_probabilities.shape
        place = x.long() + torch.arange(dims, device=x.device) * levels  # in one label's table
        return self.log_probabilities.reshape(classes, dims * levels)[:, place].transpose(0, 1)

    def draw(self, chosen: Tensor, u: Tensor, temperature: Tensor) -> Tensor:
        return draw_categorical(self.log_probabilities[chosen], u.double(), temperature.double())


class _Normals(nn.Module):
    """A mean and a standard deviation for every label and dimension, and tables of the columns that are counted."""

    smoothing = "variance_share"
    noise = ("eps", "normal")

    def __init__(self, facts: Facts, options: NaiveBayesOptions) -> None:
        super().__init__()
        dims = math.prod(facts.event_shape)
        self.smoothings = options.variance_shares
        self.columns = ColumnLaws(dims)
        zeros = torch.zeros(facts.classes, dims, dtype=torch.float64)
        self.means = nn.Parameter(zeros, requires_grad=False)
        self.deviations = nn.Parameter(zeros + 1, requires_grad=False)

    def take(self, x: np.ndarray, label: np.ndarray, smoothing: float) -> None:
        numbers = list(self.columns.cells.numbers)
        if numbers:
            fitted = GaussianNB(var_smoothing=smoothing).fit(x[:, numbers], label)
            self.means.data[:, numbers] = torch.from_numpy(fitted.theta_)
            self.deviations.data[:, numbers] = torch.from_numpy(fitted.var_).sqrt()
        if self.columns.cells.counted:
            shares = np.eye(len(self.means))[label]
            self.columns.take(self.columns.fitted(self.columns.places(x), shares), len(x))

    def log_prob(self, x: Tensor) -> Tensor:
        z = (x.double()[:, None] - self.means) / self.deviations
        return log_terms(self.columns, torch.stack([z, -torch.log(self.deviations).expand_as(z)], 1), x)

    def draw(self, chosen: Tensor, eps: Tensor, temperature: Tensor) -> Tensor:
        x = self.means[chosen] + temperature.double()[:, None] * self.deviations[chosen] * eps.double()
        return self.columns.draw(x, chosen, eps, temperature)
