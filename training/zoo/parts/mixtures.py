"""Finite mixtures p(x) = Σ_k π_k p(x | k), and Gaussian components, of complete rows and of rows that miss columns.

*Mixtures.* Mixing the running products of the components' conditionals over k gives the conditionals of the mixture
exactly: p(x_1..x_d) = Σ_k π_k Π_{i≤d} p(x_i | x_<i, k), and log p(x_d | x_<d) is the difference of two such sums.

*Gaussians* have one lower Cholesky factor each, L Lᵀ = Σ, so that density, samples and chain rule are a few lines. With
z = L⁻¹(x − μ), z_i depends on x_1..x_i only, hence log p(x_i | x_<i) = −½ z_i² − log L_ii − ½ log 2π. All of it is
float64, also in exported graphs.

*Missing columns.* The marginal of a Gaussian is one over the other dimensions. With the rows and columns of Σ that
belong to missing dimensions replaced by those of the identity, and x − μ by 0 there, determinant and quadratic form
are those of the block that is left. Eliminating its columns from first to last gives the chain rule as well: the pivot
is the variance of x_i given the observed dimensions before it, and what is left of x_i − μ_i is its distance from the
conditional mean. A missing dimension has pivot 1 and distance 0. Complete rows take the matrix product of ``whitened``,
and their bits do not depend on rows beside them. An exported graph branches, per batch and then per row; eagerly, and
while TorchScript traces, rows are picked instead.

*Known dimensions.* A sample z of N(μ, Σ) becomes one given x_i by z ← z + Σ_·i (x_i − z_i) / Σ_ii, and Σ loses
Σ_·i Σ_i· / Σ_ii: then z follows the conditional distribution exactly, and Σ is its covariance (conditioning by kriging,
one dimension after the other, without a solver). The noise of z stays an input; its temperature scales the deviations
from the conditional mean.
"""

import math
from abc import abstractmethod

import torch
from torch import Tensor

from training.cells import ColumnLaws
from training.zoo.base import (
    DirectSampler,
    Encoder,
    FactorisedDensity,
    Facts,
    Family,
    Known,
    LabelConditioned,
    LabelledClosedForm,
    LabelPosterior,
    Options,
)
from training.zoo.parts.conditionals import scan, scan_to_end

CHUNK = 500  # items whose conditionals under all components are held at once


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

    def choose(self, u: Tensor, known: Known | None = None) -> Tensor:
        """Components given what is known by inverse CDF at uniform u (batch, 1), int64, shape (batch,)."""
        weights = torch.exp(self.log_weights)[None] if known is None else self.weights_given(known)
        ends = torch.cumsum(weights, 1)[:, :-1]  # the last component takes what rounding leaves
        return (u.double() >= ends).sum(1)

    def weights_given(self, known: Known) -> Tensor:
        """P(k | what is known), float64, shape (batch, components)."""
        mask = known.mask.flatten(1)
        some = mask.any(1, keepdim=True)
        gaps = torch.where(some, torch.nan, 0.0)  # a row without gaps costs little
        x = torch.where(mask, known.x.flatten(1), gaps)
        joint = self.log_weights + self.observed_conditionals(x).sum(2)
        return torch.softmax(torch.where(some, joint, self.log_weights), 1)

    @property
    def embedding_dims(self) -> int:
        """The number of components."""
        return len(self.log_weights)

    def embed(self, x: Tensor) -> Tensor:
        """Responsibilities p(k | x), shape (batch, components)."""
        return torch.softmax(self.joint(x), 1).float()


class LabelMixture(Mixture, LabelConditioned, LabelPosterior, LabelledClosedForm):
    """A mixture whose components are the labels: the density of items of any label, and p(label | x) by Bayes."""

    def __init__(self, facts: Facts, options: Options) -> None:
        super().__init__(facts, options)
        if facts.classes < 1:
            raise ValueError("expected data with labels, got none")

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
        parts = [torch.logsumexp(self.joint(part), 1) for part in x.split(CHUNK)]
        return float(torch.cat(parts).mean())

    def component(self, u: Tensor, label: Tensor | None, known: Known | None = None) -> Tensor:
        """The labels that were told, and drawn ones where none was known; int64, shape (batch,)."""
        drawn = self.choose(u, known)
        return drawn if label is None else torch.where(label < self.classes, label, drawn)


def gaussian_bytes(facts: Facts, components: int) -> int:
    """Bytes of the matrices in one graph of that many Gaussians: of rows also those that gaps need."""
    matrices = 3 if len(facts.event_shape) == 1 else 1
    return 8 * matrices * components * math.prod(facts.event_shape) ** 2


def whitening_of(cholesky: Tensor) -> Tensor:
    """The inverses of lower triangular matrices, shape (components, dims, dims)."""
    eye = torch.eye(cholesky.shape[-1], dtype=cholesky.dtype).expand_as(cholesky)
    return torch.linalg.solve_triangular(cholesky, eye, upper=False)


def log_precision(whitening: Tensor) -> Tensor:
    """−log L_ii, minus the logarithm of the conditional standard deviations, shape (components, dims)."""
    components, dims, _ = whitening.shape
    return torch.log(whitening.reshape(components, dims * dims)[:, :: dims + 1])  # the diagonal, a constant in a graph


def whitened(x: Tensor, means: Tensor, whitening: Tensor) -> Tensor:
    """L⁻¹(x − μ) for every Gaussian, float64, shape (batch, components, dims)."""
    # One 2-d product for all components; broadcasting a batched matmul would be slower in ONNX Runtime.
    components, dims = means.shape
    stacked = whitening.reshape(components * dims, dims)
    offset = (whitening @ means[:, :, None]).reshape(components * dims)
    return (x.double() @ stacked.T - offset).reshape(-1, components, dims)


def draw_gaussian(mean: Tensor, cholesky: Tensor, eps: Tensor, temperature: Tensor) -> Tensor:
    """Samples μ + t L ε, shape (batch, dims), for one Gaussian per row; ``temperature`` (batch,) scales deviations."""
    spread = (cholesky @ eps.double()[:, :, None])[:, :, 0]
    return mean + temperature.double()[:, None] * spread


def observed_normals(x: Tensor, means: Tensor, cholesky: Tensor, whitening: Tensor) -> Tensor:
    """Standardised distance and log-precision of every x_i given the observed x_<i; NaN in x is missing.

    Float64, shape (batch, 2, components, dims), for x (batch, dims); both are 0 where x is missing. The log-precision
    is −log of the conditional standard deviation.
    """
    x = x.double()
    missing = torch.isnan(x)
    covariances = cholesky @ cholesky.transpose(1, 2)  # a constant in a graph; counted, it is the work of a partial row
    arrays = (x, missing, means, whitening, covariances)
    if torch.compiler.is_exporting():
        return torch.cond(missing.any(), _by_row, _complete, arrays)
    found = _filled(*arrays)
    rows = missing.any(1).nonzero()[:, 0]
    return found.index_copy(0, rows, _eliminated(x[rows], missing[rows], means, covariances))


def log_normals(normals: Tensor, x: Tensor) -> Tensor:
    """Log-densities of ``observed_normals``, shape (batch, components, dims); 0 where x, (batch, dims), is missing."""
    found = -0.5 * normals[:, 0].square() + normals[:, 1] - 0.5 * math.log(2 * math.pi)
    return torch.where(torch.isnan(x)[:, None], 0.0, found)


def log_terms(columns: ColumnLaws, normals: Tensor, x: Tensor) -> Tensor:
    """The same, but what ``columns`` make of it where the values of a column lie apart."""
    return columns.terms(log_normals(normals, x), normals, x)


def with_precision(x: Tensor, means: Tensor, whitening: Tensor) -> Tensor:
    """What ``observed_normals`` say of complete x: ``whitened`` beside the log-precisions."""
    z = whitened(x, means, whitening)
    return torch.stack([z, log_precision(whitening).expand_as(z)], 1)


def _complete(x: Tensor, _missing: Tensor, means: Tensor, whitening: Tensor, _covariances: Tensor) -> Tensor:
    return with_precision(x, means, whitening)


def _filled(x: Tensor, missing: Tensor, means: Tensor, whitening: Tensor, covariances: Tensor) -> Tensor:
    """That of complete rows; of the others some numbers."""
    return _complete(torch.where(missing, 0.0, x), missing, means, whitening, covariances)


def _by_row(x: Tensor, missing: Tensor, means: Tensor, whitening: Tensor, covariances: Tensor) -> Tensor:
    """A loop over rows, so that a row that misses nothing costs little, and one that does needs memory for itself."""

    def step(carry: Tensor, row: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        one, gaps, complete = row
        arrays = (one, gaps, complete, means, covariances)
        return carry.clone(), torch.cond(gaps.any(), _partial_row, _complete_row, arrays)

    filled = _filled(x, missing, means, whitening, covariances)
    return scan(step, torch.zeros(1), (x, missing, filled))


def _partial_row(x: Tensor, missing: Tensor, _complete: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    return _eliminated(x, missing, means, covariances)


def _complete_row(_x: Tensor, _missing: Tensor, complete: Tensor, _means: Tensor, _covariances: Tensor) -> Tensor:
    return complete.clone()


def _eliminated(x: Tensor, missing: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    """The same for any rows, shape (…, 2, components, dims) for x (…, dims)."""
    observed = (~missing).to(x.dtype)[..., None, :]  # (…, 1, dims)
    block = covariances * observed[..., :, None] * observed[..., None, :] + torch.diag_embed(1 - observed)
    rest = torch.where(missing[..., None, :], 0.0, x[..., None, :] - means)
    system = torch.cat([block, rest[..., None]], -1)  # (…, components, dims, dims + 1)
    places = torch.arange(means.shape[1], device=x.device)
    found = scan(_eliminate, system, (places,))  # (dims, …, 2, components)
    return found.movedim(0, -1).contiguous()


def _eliminate(system: Tensor, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """One column of every system: what is left of it to eliminate, and distance and log-precision, (…, 2, components).

    What is above the pivot is not used again.
    """
    place = inputs[0].reshape(1)
    row, column = system.index_select(-2, place), system.index_select(-1, place)
    pivot = row.index_select(-1, place)  # (…, components, 1, 1)
    distance = row[..., 0, -1] / torch.sqrt(pivot[..., 0, 0])
    precision = -0.5 * torch.log(pivot[..., 0, 0])
    return system - column * (row / pivot), torch.stack([distance, precision], -2)


def given(drawn: Tensor, known: Known, chosen: Tensor, cholesky: Tensor) -> Tensor:
    """Samples of Gaussians as samples given what is known of them; float64, shape (batch, dims).

    ``chosen`` (batch,) says which Gaussian a row was drawn from, ``cholesky`` (components, dims, dims) holds all their
    factors. A row of which nothing is known stays as it is.
    """
    mask, x = known.mask.flatten(1), known.x.flatten(1).double()
    covariances = cholesky @ cholesky.transpose(1, 2)  # a constant in a graph
    arrays = (drawn, x, mask, chosen, covariances)
    if torch.compiler.is_exporting():
        return torch.cond(mask.any(), _given_by_row, _as_drawn, arrays)
    rows = mask.any(1).nonzero()[:, 0]
    conditioned = _conditioned(drawn[rows], x[rows], mask[rows], covariances[chosen[rows]])
    return drawn.index_copy(0, rows, conditioned)


def _as_drawn(drawn: Tensor, _x: Tensor, _mask: Tensor, _chosen: Tensor, _covariances: Tensor) -> Tensor:
    return drawn.clone()


def _given_by_row(drawn: Tensor, x: Tensor, mask: Tensor, chosen: Tensor, covariances: Tensor) -> Tensor:
    """A loop over rows, so that only one covariance at a time needs memory."""

    def step(carry: Tensor, row: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        one, values, observed, component = row
        return carry.clone(), _conditioned(one, values, observed, covariances.index_select(0, component.reshape(1))[0])

    return scan(step, torch.zeros(1), (drawn, x, mask, chosen))


def _conditioned(drawn: Tensor, x: Tensor, mask: Tensor, covariance: Tensor) -> Tensor:
    """The same for any rows, shape (…, dims), with a covariance each, (…, dims, dims)."""
    system = torch.cat([covariance, drawn[..., None]], -1)
    places = torch.arange(drawn.shape[-1], device=drawn.device)
    inputs = (places, x.movedim(-1, 0).contiguous(), mask.to(x.dtype).movedim(-1, 0).contiguous())
    return scan_to_end(_condition, system, inputs)[0][..., -1]


def _condition(system: Tensor, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Covariance and sample, side by side, after one more dimension, where it is known."""
    place, x, observed = inputs[0].reshape(1), inputs[1], inputs[2]
    row, column = system.index_select(-2, place), system.index_select(-1, place)
    gain = observed[..., None, None] * column / row.index_select(-1, place)  # (…, dims, 1)
    distance = torch.cat([row[..., :-1], row[..., -1:] - x[..., None, None]], -1)
    return system - gain * distance, x.clone()
