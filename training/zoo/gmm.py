"""Gaussian mixture model: p(x) = Σ_k π_k N(x; μ_k, Σ_k).

Fitted by expectation-maximisation (A. Dempster, N. Laird, D. Rubin, "Maximum Likelihood from Incomplete Data via the EM
Algorithm", JRSS B 39, 1977) with scikit-learn; the number of components, the form of the covariance and its
regularisation are those with the best validation likelihood. Every form is kept as one lower Cholesky factor per
component. Columns of a table that are counted have a table of probabilities for each component instead, fitted in the
same steps (``training.cells``).
"""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from training.cells import Cells, ColumnLaws, InCells
from training.cells.normal_law import mixture_log_tail
from training.progress import Progress, silent
from training.zoo.base import ClosedForm, ConditioningSampler, Facts, Known, Noise, Options
from training.zoo.parts.mixtures import (
    Mixture,
    draw_gaussian,
    gaussian_bytes,
    given,
    log_terms,
    observed_normals,
    whitening_of,
    with_precision,
)

Covariance = Literal["full", "tied", "diag", "spherical"]
_MOST_STEPS = 300  # of expectation-maximisation, from each start


class GmmOptions(Options):
    """Options of ``gmm``; the product of the three lists is tried."""

    components: tuple[int, ...] = Field(default=(1, 2, 3, 5), description="numbers of components to try")
    covariances: tuple[Covariance, ...] = Field(default=("full", "tied", "diag"), description="forms to try")
    regularisations: tuple[float, ...] = Field(default=(1e-4, 1e-3, 1e-2), description="added to variances, to try")
    restarts: int = Field(default=3, ge=1, description="runs of expectation-maximisation; the best one counts")


class Gmm(Mixture, ConditioningSampler, ClosedForm, InCells):
    """Mixture of Gaussians; exact density, direct samples, responsibilities as embedding."""

    title = "Gaussian mixture"
    paper = "Dempster, Laird & Rubin 1977"
    space = "real"
    temperature = "multiplies the standard deviation of the component that was drawn"
    encodes = "responsibilities p(component | x), components in order of decreasing weight"
    Options: ClassVar[type[Options]] = GmmOptions

    def __init__(self, facts: Facts, options: GmmOptions) -> None:
        super().__init__(facts, options)
        self.columns = ColumnLaws(self.dims)
        self._allocate(1)

    def _allocate(self, components: int) -> None:
        dims = self.dims
        self.log_weights = nn.Parameter(torch.zeros(components, dtype=torch.float64), requires_grad=False)
        self.means = nn.Parameter(torch.zeros(components, dims, dtype=torch.float64), requires_grad=False)
        eye = torch.eye(dims, dtype=torch.float64).repeat(components, 1, 1)
        self.cholesky = nn.Parameter(eye, requires_grad=False)  # (components, dims, dims), lower
        self.whitening = nn.Parameter(eye.clone(), requires_grad=False)  # inverse of cholesky, lower

    def take_cells(self, cells: Cells) -> None:
        """Takes over where the values of columns lie."""
        self.columns.cells.take_from(cells)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        self._allocate(len(state_dict[f"{prefix}log_weights"]))  # how many components is known only after fitting
        super()._load_from_state_dict(state_dict, prefix, *args)

    @classmethod
    def fit_bytes(cls, facts: Facts, options: Options, items: int) -> int:
        """The items in float64, five times, and matrices for every component: of the best mixture and of the last one,
        and the factors that are kept, which are whole matrices in every form.
        """
        dims = math.prod(facts.event_shape)
        matrices = 9 if "full" in options.covariances else 6
        return 44 * items * dims + 8 * matrices * max(options.components) * dims**2

    @classmethod
    def graph_bytes(cls, facts: Facts, options: Options) -> int:
        """Those of the largest mixture that is tried."""
        return gaussian_bytes(facts, max(options.components))

    @classmethod
    def cheaper(cls, options: GmmOptions) -> Iterator[GmmOptions]:
        """Without full covariances, if there are others; with fewer and fewer components."""
        forms = tuple(form for form in options.covariances if form != "full") or ("diag",)
        fewer = sorted(set(options.components) | {1})
        for covariances in dict.fromkeys((options.covariances, forms)):
            for most in reversed(fewer):
                kept = tuple(count for count in options.components if count <= most) or (1,)
                yield options.model_copy(update={"components": kept, "covariances": covariances})

    def fit(
        self, x: Tensor, x_validation: Tensor, seed: int, progress: Progress | None = None
    ) -> dict[str, float | str]:
        """Expectation-maximisation for every candidate; the best validation likelihood wins."""
        train, held_out = (part.flatten(1).double().numpy() for part in (x, x_validation))
        options = self.options
        best, best_score = None, -math.inf
        told = progress or silent()
        columns = _Columns.of(self.columns, train)
        grid = product(options.components, *columns.choices(options))
        candidates = [candidate for candidate in grid if candidate[0] <= len(train) // 2]
        for count, covariance, floor in told.over(candidates, _named, self._work, options.restarts * _MOST_STEPS):
            mixture = _mixture(count, covariance, floor, options.restarts, seed, told, columns)
            candidate = _fitted(mixture, train)
            score = float(candidate.score(held_out))
            if score > best_score:
                best, best_score = candidate, score
        if best is None:
            raise ValueError(
                f"expected at least {2 * min(options.components)} items to fit a mixture, got {len(train)}"
            )
        self._take(best, columns, len(train))
        return {
            "components": best.n_components,
            "covariance": best.covariance_type,
            "regularisation": best.reg_covar,
            "model_space_validation_log_prob": best_score,
            "candidates": len(candidates),
        }

    def _work(self, candidate: tuple[int, Covariance, float]) -> float:
        """What a step takes compared with others: a product of matrices, or of vectors, for every component."""
        count, covariance, _ = candidate
        return float(count * (self.dims if covariance in ("full", "tied") else 1))

    def _take(self, mixture: "_ToldMixture", columns: "_Columns", items: int) -> None:
        order = np.argsort(-mixture.weights_)
        self._allocate(len(order))
        self.log_weights.data = torch.from_numpy(np.log(mixture.weights_[order]))
        numbers = list(columns.numbers)
        self.means.data[:, numbers] = torch.from_numpy(mixture.means_[order])
        factors = torch.linalg.cholesky(torch.from_numpy(_full_covariances(mixture, len(numbers))[order]))
        for place, column in enumerate(numbers):
            self.cholesky.data[:, column, numbers] = factors[:, place]
        self.whitening.data = whitening_of(self.cholesky.data)
        if columns.counted:
            self.columns.take(mixture.tables[order], items)

    def conditionals(self, x: Tensor) -> Tensor:
        """Log p(x_i | x_<i, k), shape (batch, components, dims)."""
        x = x.flatten(1)
        return log_terms(self.columns, with_precision(x, self.means, self.whitening), x)

    def observed_conditionals(self, x: Tensor) -> Tensor:
        """Log p(x_i | observed x_<i, k), shape (batch, components, dims); 0 where x is missing."""
        return log_terms(self.columns, self._normals(x), x)

    def _normals(self, x: Tensor) -> Tensor:
        return observed_normals(x, self.means, self.cholesky, self.whitening)

    @property
    def tailed(self) -> bool:
        """Always: every dimension is a real number."""
        return True

    def dim_log_tail(self, x: Tensor) -> Tensor:
        """Two-sided tail of p(x_d | x_<d), a mixture of Gaussians, shape (batch, *event_shape)."""
        return self.dim_log_prob_and_tail(x)[1]

    def dim_log_prob_and_tail(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both from one pass; 0 where x is missing."""
        flat = x.flatten(1)
        normals = self._normals(x) if self.marginalises else with_precision(flat, self.means, self.whitening)
        terms = log_terms(self.columns, normals, flat)
        weights = self.weights_given_earlier(terms)
        tails = self.columns.log_tails(mixture_log_tail(weights, normals[:, 0], 1), flat, weights)
        return self.mixed(terms), tails.float().reshape(-1, *self.event_shape)

    @property
    def noise(self) -> tuple[Noise, ...]:
        """A uniform number to choose the component, a normal vector inside it."""
        return (Noise("component", "uniform", (1,)), Noise("eps", "normal", (self.dims,)))

    def generate(self, *noise: Tensor, temperature: Tensor, known: Known | None = None) -> tuple[Tensor, None]:
        """Exact samples, shape (batch, *event_shape)."""
        component, eps = noise
        chosen = self.choose(component, known)
        x = draw_gaussian(self.means[chosen], self.cholesky[chosen], eps, temperature)
        if known is not None:
            x = given(x, known, chosen, self.cholesky)
        x = self.columns.draw(x, chosen, eps, temperature)
        x = x.float().reshape(-1, *self.event_shape)
        return (x if known is None else known.keep(x)), None


@dataclass(frozen=True)
class _Columns:
    """Which columns of the items are numbers, and which are counted, by ``laws``; items (items, dims)."""

    laws: ColumnLaws
    numbers: tuple[int, ...]
    counted: tuple[int, ...]

    @classmethod
    def of(cls, laws: ColumnLaws, items: np.ndarray) -> "_Columns":
        counted = laws.cells.counted
        return cls(laws, laws.cells.numbers if counted else tuple(range(items.shape[1])), counted)

    def choices(self, options: GmmOptions) -> tuple[tuple[Covariance, ...], tuple[float, ...]]:
        """The forms and regularisations to try; without a column of numbers there is nothing to choose."""
        if self.numbers:
            return options.covariances, options.regularisations
        return ("diag",), options.regularisations[:1]

    def numbers_of(self, items: np.ndarray) -> np.ndarray:
        return items[:, self.numbers] if self.counted else items


class _ToldMixture(GaussianMixture):
    """A mixture whose every step of expectation-maximisation is told, and which has tables of counted columns."""

    told: Progress
    columns: _Columns
    tables: np.ndarray  # log-probabilities, (components, values)

    def _initialize(self, items: np.ndarray, resp: np.ndarray, **more: object) -> None:
        super()._initialize(self.columns.numbers_of(items), resp, **more)
        self._count(items, resp)

    def _m_step(self, items: np.ndarray, log_resp: np.ndarray, **more: object) -> None:
        super()._m_step(self.columns.numbers_of(items), log_resp, **more)
        self._count(items, np.exp(log_resp))
        self.told.step()

    def _estimate_log_prob(self, items: np.ndarray, **more: object) -> np.ndarray:
        found = super()._estimate_log_prob(self.columns.numbers_of(items), **more)
        if not self.columns.counted:
            return found
        return found + self.tables[:, self.columns.laws.places(items)].sum(2).T

    def _count(self, items: np.ndarray, shares: np.ndarray) -> None:
        if self.columns.counted:
            self.tables = self.columns.laws.fitted(self.columns.laws.places(items), shares)


def _named(candidate: tuple[int, Covariance, float]) -> str:
    count, covariance, floor = candidate
    return f"{covariance}, {count} component{'s' if count > 1 else ''}, regularisation {floor:g}"


def _mixture(
    count: int, covariance: Covariance, floor: float, restarts: int, seed: int, told: Progress, columns: _Columns
) -> _ToldMixture:
    mixture = _ToldMixture(
        count, covariance_type=covariance, reg_covar=floor, n_init=restarts, max_iter=_MOST_STEPS, random_state=seed
    )
    mixture.told, mixture.columns = told, columns
    return mixture


def _fitted(mixture: _ToldMixture, train: np.ndarray) -> _ToldMixture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a candidate that stops early is judged like any other
        return mixture.fit(train)


def _full_covariances(mixture: GaussianMixture, dims: int) -> np.ndarray:
    """Covariances of any form as full matrices, shape (components, dims, dims)."""
    covariances, count = mixture.covariances_, mixture.n_components
    if mixture.covariance_type == "full":
        return covariances
    if mixture.covariance_type == "tied":
        return np.repeat(covariances[None], count, 0)
    if mixture.covariance_type == "spherical":
        covariances = np.repeat(covariances[:, None], dims, 1)
    return np.stack([np.diag(row) for row in covariances])
