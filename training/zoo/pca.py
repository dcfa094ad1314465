"""Principal component analysis: the directions in which items vary most, and each item's place along them.

With the mean m and the covariance C = U Λ Uᵀ of the items, the code of x is z = Λ_k^(−1/2) U_kᵀ (x − m) for the k
largest eigenvalues, so that codes have mean 0 and covariance 1; x̂ = m + U_k Λ_k^(1/2) z is the nearest point of the
plane they span. What is left, |x − x̂|², is small for items like those it was fitted on. There is no density here
(probabilistic PCA has one): a verdict rests on that error, calibrated, and on how far the code is from those of normal
items, which are the two charts of process monitoring. k is given, or the least that explains a share of the variance.

K. Pearson, "On lines and planes of closest fit to systems of points in space", Philosophical Magazine 2, 1901;
H. Hotelling, 1933; J. Jackson & G. Mudholkar, "Control procedures for residuals associated with principal component
analysis", Technometrics 21, 1979.
"""

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from training.progress import Progress
from training.zoo.base import ClosedForm, Facts, Family, Options, Reconstructing

_LEAST_VARIANCE = 1e-9  # of the largest; directions without any are no components


class PcaOptions(Options):
    """Options of ``pca``."""

    components: int | None = Field(default=None, ge=1, description="length of the code; without it as many as explain")
    explain: float = Field(default=0.9, gt=0, le=1, description="share of the variance that the components explain")


class Pca(Family, Reconstructing, ClosedForm):
    """Linear codes, and the error of what they restore; no density."""

    title = "PCA"
    paper = "Pearson 1901; Hotelling 1933"
    kind = "representation"
    space = ("real", "levels", "binary", "signed_unit")
    encodes = "place along each principal component, in standard deviations"
    Options: ClassVar[type[Options]] = PcaOptions

    def __init__(self, facts: Facts, options: PcaOptions) -> None:
        super().__init__(facts, options)
        size = min(options.components or self.dims, self.dims)
        self.mean = torch.nn.Parameter(torch.zeros(self.dims), requires_grad=False)
        self.directions = torch.nn.Parameter(torch.zeros(self.dims, size), requires_grad=False)
        self.scales = torch.nn.Parameter(torch.ones(size), requires_grad=False)

    @property
    def embedding_dims(self) -> int:
        """Components that are kept."""
        return self.directions.shape[1]

    @classmethod
    def fit_bytes(cls, facts: Facts, options: Options, items: int) -> int:
        """The items in float64, twice; the covariance, its eigenvectors, and room to find them."""
        dims = math.prod(facts.event_shape)
        return 24 * items * dims + 6 * 8 * dims**2

    def fit(
        self, x: Tensor, x_validation: Tensor, seed: int, progress: Progress | None = None
    ) -> dict[str, float | str]:
        """Mean, directions and variances; deterministic, neither validation items nor the seed are used."""
        items = x.flatten(1).double()
        centred = items - items.mean(0)
        variances, directions = torch.linalg.eigh(centred.T @ centred / len(items))
        variances, directions = variances.flip(0).clamp(min=0), directions.flip(1)  # from the largest
        size = self._size(variances)
        self.mean.data = items.mean(0).float()
        self.directions.data = directions[:, :size].float().contiguous()
        self.scales.data = variances[:size].sqrt().float()
        return {"components": float(size), "explained_variance": float(variances[:size].sum() / variances.sum())}

    def _size(self, variances: Tensor) -> int:
        """How many components: those asked for, or the fewest that explain their share; all of them vary."""
        varying = max(1, int((variances > _LEAST_VARIANCE * variances[0]).sum()))
        if self.options.components is not None:
            return min(self.options.components, varying)
        shares = variances.cumsum(0) / variances.sum().clamp(min=1e-300)
        return min(int((shares < self.options.explain - 1e-12).sum()) + 1, varying)

    def embed(self, x: Tensor) -> Tensor:
        """Codes with mean 0 and covariance 1 over the items it was fitted on, shape (batch, components)."""
        return (x.flatten(1) - self.mean) @ self.directions / self.scales

    def decode(self, z: Tensor) -> Tensor:
        """The point of the plane with that code, shape (batch, *event_shape)."""
        return (self.mean + (z * self.scales) @ self.directions.T).reshape(-1, *self.event_shape)

    def load_state_dict(self, state_dict: dict[str, Tensor], *args: object, **kwargs: object) -> object:
        """Takes over as many components as were kept."""
        self.directions.data = torch.zeros_like(state_dict["directions"])
        self.scales.data = torch.zeros_like(state_dict["scales"])
        return super().load_state_dict(state_dict, *args, **kwargs)
