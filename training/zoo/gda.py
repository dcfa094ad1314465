"""Gaussian discriminant analysis: p(x) = Σ_c π_c N(x; μ_c, Σ_c), one Gaussian per label.

π_c is the share of label c, μ_c the mean and Σ_c the covariance of its items. With one covariance per label the
boundaries between labels are quadratic; with Σ_k π_k Σ_k, shared by all, they are linear. With few items a covariance
is singular, so it is shrunk towards a multiple of the identity, (1 − s) Σ + s (tr Σ / D) I. Form and s are those with
the best validation likelihood. Columns of a table that are counted have a table of probabilities for each label instead
(``training.cells``). Bayes' rule gives p(c | x), equal to scikit-learn's LinearDiscriminantAnalysis and
QuadraticDiscriminantAnalysis with the same shrinkage.

R. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7, 1936; T. Hastie,
R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2009, §4.3; O. Ledoit, M. Wolf, "A well-conditioned
estimator for large-dimensional covariance matrices", Journal of Multivariate Analysis 88, 2004 (shrinkage).
"""

import math
from itertools import product
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from sklearn.covariance import empirical_covariance, shrunk_covariance
from torch import Tensor, nn

from training.cells import Cells, ColumnLaws, InCells
from training.progress import Progress, silent
from training.zoo.base import ConditioningSampler, Facts, Known, Noise, Options
from training.zoo.parts.mixtures import (
    CHUNK,
    LabelMixture,
    draw_gaussian,
    gaussian_bytes,
    given,
    log_terms,
    observed_normals,
    whitening_of,
    with_precision,
)

_SINGULAR = 1e-10  # share of a column's variance that the columns before it leave: below, it is rounding
Form = Literal["shared", "per_label"]


class GdaOptions(Options):
    """Options of ``gda``; the product of the two lists is tried."""

    covariances: tuple[Form, ...] = Field(default=("shared", "per_label"), min_length=1, description="forms to try")
    shrinkages: tuple[float, ...] = Field(
        default=(0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3), min_length=1, description="shrinkages to try, 0 to 1"
    )


class Gda(LabelMixture, ConditioningSampler, InCells):
    """A Gaussian per label; exact density, direct samples of a label or of all, p(label | x) as embedding."""

    title = "Gaussian discriminant analysis"
    paper = "Fisher 1936; Hastie, Tibshirani & Friedman 2009, §4.3"
    space = "real"
    temperature = "multiplies the standard deviation of the label's Gaussian"
    Options: ClassVar[type[Options]] = GdaOptions

    def __init__(self, facts: Facts, options: GdaOptions) -> None:
        super().__init__(facts, options)
        labels, dims = facts.classes, self.dims
        self.columns = ColumnLaws(dims)
        eye = torch.eye(dims, dtype=torch.float64).repeat(labels, 1, 1)
        for name, start in (
            ("log_weights", torch.full((labels,), 1 / labels, dtype=torch.float64).log()),
            ("means", torch.zeros(labels, dims, dtype=torch.float64)),
            ("cholesky", eye),  # lower
            ("whitening", eye.clone()),  # inverse of cholesky, lower
        ):
            self.register_parameter(name, nn.Parameter(start, requires_grad=False))

    def take_cells(self, cells: Cells) -> None:
        """Takes over where the values of columns lie."""
        self.columns.cells.take_from(cells)

    @classmethod
    def fit_bytes(cls, facts: Facts, options: Options, items: int) -> int:
        """The items in float64, eight matrices for every label, and the conditionals of some items."""
        dims = math.prod(facts.event_shape)
        return 40 * items * dims + 8 * facts.classes * (8 * dims**2 + 3 * CHUNK * dims)

    @classmethod
    def graph_bytes(cls, facts: Facts, options: Options) -> int:
        """Those of a Gaussian for every label."""
        return gaussian_bytes(facts, facts.classes)

    def fit_labelled(
        self,
        x: Tensor,
        label: Tensor,
        x_validation: Tensor,
        label_validation: Tensor,
        seed: int,
        progress: Progress | None = None,
    ) -> dict[str, float | str]:
        """Moments of every label; form and shrinkage with the best validation likelihood; the seed is not used."""
        self.take_weights(label)
        flat, numbers = x.flatten(1).double().numpy(), list(self.columns.cells.numbers)
        groups = [flat[label.numpy() == c][:, numbers] for c in range(self.classes)]
        self.means.data[:, numbers] = torch.from_numpy(np.stack([group.mean(0) for group in groups]))
        self._count(flat, label)
        raw = np.stack([_covariance(group) for group in groups])
        scores = {}
        candidates = list(product(self.options.covariances, self.options.shrinkages))
        candidates = candidates if numbers else candidates[:1]
        for form, shrinkage in (progress or silent()).over(candidates, lambda one: f"{one[0]}, shrinkage {one[1]:g}"):
            if self._take(raw, form, shrinkage):
                scores[form, shrinkage] = self.mean_log_prob(x_validation)
        if not scores:
            raise ValueError("every covariance is singular; expected more items, or a larger shrinkage")
        form, shrinkage = max(scores, key=scores.__getitem__)
        self._take(raw, form, shrinkage)
        return {
            "covariance": form,
            "shrinkage": shrinkage,
            "model_space_validation_log_prob": scores[form, shrinkage],
            "candidates": len(scores),
        }

    def _count(self, x: np.ndarray, label: Tensor) -> None:
        """Takes the tables of counted columns, if there are any."""
        if self.columns.cells.counted:
            shares = nn.functional.one_hot(label, self.classes).double().numpy()
            self.columns.take(self.columns.fitted(self.columns.places(x), shares), len(x))

    def _take(self, covariances: np.ndarray, form: Form, shrinkage: float) -> bool:
        """Takes the covariances in this form; false if one of them is singular."""
        numbers = list(self.columns.cells.numbers)
        if not numbers:
            return True
        shrunk = torch.from_numpy(np.stack([shrunk_covariance(item, shrinkage) for item in covariances]))
        if form == "shared":
            shrunk = (torch.exp(self.log_weights)[:, None, None] * shrunk).sum(0).expand_as(shrunk)
        cholesky, failed = torch.linalg.cholesky_ex(shrunk)
        left, whole = (torch.diagonal(item, dim1=1, dim2=2) for item in (cholesky, shrunk))
        if bool(failed.any()) or bool((left.square() < _SINGULAR * whole).any()):
            return False
        for place, column in enumerate(numbers):
            self.cholesky.data[:, column, numbers] = cholesky[:, place]
        self.whitening.data = whitening_of(self.cholesky.data)
        return True

    def conditionals(self, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d, c), shape (batch, classes, dims)."""
        x = x.flatten(1)
        return log_terms(self.columns, with_precision(x, self.means, self.whitening), x)

    def observed_conditionals(self, x: Tensor) -> Tensor:
        """Log p(x_d | observed x_<d, c), shape (batch, classes, dims); 0 where x is missing."""
        return log_terms(self.columns, observed_normals(x, self.means, self.cholesky, self.whitening), x)

    @property
    def noise(self) -> tuple[Noise, ...]:
        """A uniform number to choose the label where it is not known, a normal vector inside it."""
        return (Noise("component", "uniform", (1,)), Noise("eps", "normal", (self.dims,)))

    def generate(
        self, *noise: Tensor, temperature: Tensor, label: Tensor | None = None, known: Known | None = None
    ) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape)."""
        component, eps = noise
        chosen = self.component(component, label, known)
        x = draw_gaussian(self.means[chosen], self.cholesky[chosen], eps, temperature)
        if known is not None:
            x = given(x, known, chosen, self.cholesky)
        x = self.columns.draw(x, chosen, eps, temperature)
        x = x.float().reshape(-1, *self.event_shape)
        return (x if known is None else known.keep(x)), None


def _covariance(items: np.ndarray) -> np.ndarray:
    """The covariance of items (items, dims), of which there may be none."""
    return np.atleast_2d(empirical_covariance(items)) if items.shape[1] else np.zeros((0, 0))
