"""Gaussian mixture model: p(x) = Σ_k π_k N(x; μ_k, Σ_k).

Fitted by expectation-maximisation (A. Dempster, N. Laird, D. Rubin, "Maximum Likelihood from Incomplete Data via the EM
Algorithm", JRSS B 39, 1977) with scikit-learn; the number of components, the form of the covariance and its
regularisation are those with the best validation likelihood. Every form is kept as one lower Cholesky factor per
component.
"""

import math
import warnings
from collections.abc import Iterator
from itertools import product
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from training.progress import Progress, silent
from training.zoo.base import ClosedForm, ConditioningSampler, Facts, Known, Noise, Options
from training.zoo.parts.conditionals import mixture_log_tail
from training.zoo.parts.mixtures import (
    Mixture,
    draw_gaussian,
    gaussian_bytes,
    gaussian_conditionals,
    given,
    log_normals,
    observed_normals,
    whitened,
    whitening_of,
)

Covariance = Literal["full", "tied", "diag", "spherical"]
_MOST_STEPS = 300  # of expectation-maximisation, from each start


class GmmOptions(Options):
    """Options of ``gmm``; the product of the three lists is tried."""

    components: tuple[int, ...] = Field(default=(1, 2, 3, 5), description="numbers of components to try")
    covariances: tuple[Covariance, ...] = Field(default=("full", "tied", "diag"), description="forms to try")
    regularisations: tuple[float, ...] = Field(default=(1e-4, 1e-3, 1e-2), description="added to variances, to try")
    restarts: int = Field(default=3, ge=1, description="runs of expectation-maximisation; the best one counts")


class Gmm(Mixture, ConditioningSampler, ClosedForm):
    """Mixture of Gaussians; exact density, direct samples, responsibilities as embedding."""

    title = "Gaussian mixture"
    paper = "Dempster, Laird & Rubin 1977"
    space = "real"
    temperature = "multiplies the standard deviation of the component that was drawn"
    encodes = "responsibilities p(component | x), components in order of decreasing weight"
    Options: ClassVar[type[Options]] = GmmOptions

    def __init__(self, facts: Facts, options: GmmOptions) -> None:
        super().__init__(facts, options)
        self._allocate(1)

    def _allocate(self, components: int) -> None:
        dims = self.dims
        self.log_weights = nn.Parameter(torch.zeros(components, dtype=torch.float64), requires_grad=False)
        self.means = nn.Parameter(torch.zeros(components, dims, dtype=torch.float64), requires_grad=False)
        eye = torch.eye(dims, dtype=torch.float64).repeat(components, 1, 1)
        self.cholesky = nn.Parameter(eye, requires_grad=False)  # (components, dims, dims), lower
        self.whitening = nn.Parameter(eye.clone(), requires_grad=False)  # inverse of cholesky, lower

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
        grid = product(options.components, options.covariances, options.regularisations)
        candidates = [candidate for candidate in grid if candidate[0] <= len(train) // 2]
        for count, covariance, floor in told.over(candidates, _named, self._work, options.restarts * _MOST_STEPS):
            mixture = _mixture(count, covariance, floor, options.restarts, seed, told)
            candidate = _fitted(mixture, train)
            score = float(candidate.score(held_out))
            if score > best_score:
                best, best_score = candidate, score
        if best is None:
            raise ValueError(
                f"expected at least {2 * min(options.components)} items to fit a mixture, got {len(train)}"
            )
        self._take(best)
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

    def _take(self, mixture: GaussianMixture) -> None:
        order = np.argsort(-mixture.weights_)
        self._allocate(len(order))
        covariances = _full_covariances(mixture, self.dims)[order]
        self.log_weights.data = torch.from_numpy(np.log(mixture.weights_[order]))
        self.means.data = torch.from_numpy(mixture.means_[order])
        self.cholesky.data = torch.linalg.cholesky(torch.from_numpy(covariances))
        self.whitening.data = whitening_of(self.cholesky.data)

    def conditionals(self, x: Tensor) -> Tensor:
        """Log p(x_i | x_<i, k), shape (batch, components, dims)."""
        return gaussian_conditionals(x.flatten(1), self.means, self.whitening)

    def observed_conditionals(self, x: Tensor) -> Tensor:
        """Log p(x_i | observed x_<i, k), shape (batch, components, dims); 0 where x is missing."""
        return log_normals(self._normals(x), x)

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
        if self.marginalises:
            normals = self._normals(x)
            z, terms = normals[:, 0], log_normals(normals, x)
        else:
            z, terms = whitened(x.flatten(1), self.means, self.whitening), self.conditionals(x)
        tails = mixture_log_tail(self.weights_given_earlier(terms), z, 1)
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
        x = x.float().reshape(-1, *self.event_shape)
        return (x if known is None else known.keep(x)), None


class _ToldMixture(GaussianMixture):
    """A mixture whose every step of expectation-maximisation is told."""

    told: Progress

    def _m_step(self, *arrays: np.ndarray, **more: object) -> None:
        super()._m_step(*arrays, **more)
        self.told.step()


def _named(candidate: tuple[int, Covariance, float]) -> str:
    count, covariance, floor = candidate
    return f"{covariance}, {count} component{'s' if count > 1 else ''}, regularisation {floor:g}"


def _mixture(
    count: int, covariance: Covariance, floor: float, restarts: int, seed: int, told: Progress
) -> GaussianMixture:
    mixture = _ToldMixture(
        count, covariance_type=covariance, reg_covar=floor, n_init=restarts, max_iter=_MOST_STEPS, random_state=seed
    )
    mixture.told = told
    return mixture


def _fitted(mixture: GaussianMixture, train: np.ndarray) -> GaussianMixture:
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
