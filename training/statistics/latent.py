"""What an encoder and a decoder say about an item, for models with a latent z."""

from typing import ClassVar

import torch
from torch import Tensor

from training.statistics.base import Evidence, Statistic

_RIDGE = 1e-3


class Reconstruction(Statistic):
    """−log p(x | z) at the mean of q(z | x)."""

    joins = True
    name = "reconstruction"
    tail = "high"
    description = "how badly the decoder restores the item from its code: -log p(x | mean of z given x)"

    def forward(self, evidence: Evidence) -> Tensor:
        """Nats, shape (n,)."""
        return evidence.reconstruction


class SquaredError(Statistic):
    """Σ (x − x̂)², of a model that restores an item from its code and has no density."""

    joins = True
    name = "reconstruction"
    unit: ClassVar[str] = "squared units of model space"
    tail = "high"
    description = "what the code of the item does not restore: the sum of squared differences"

    def forward(self, evidence: Evidence) -> Tensor:
        """Squared units, shape (n,)."""
        return evidence.reconstruction


class Rate(Statistic):
    """KL(q(z | x) ‖ p(z))."""

    name = "rate"
    tail = "high"
    description = "how much the code of the item differs from the prior: KL(q(z | x) || p(z))"

    def forward(self, evidence: Evidence) -> Tensor:
        """Nats, shape (n,)."""
        return evidence.rate


class LatentDistance(Statistic):
    """Mahalanobis distance of the code from those of held-out items."""

    joins = True
    name = "latent_distance"
    unit: ClassVar[str] = "standard deviations"
    tail = "high"
    description = "Mahalanobis distance of the item's code from the codes of normal items"

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("whiten", torch.eye(size))

    def fit(self, x: Tensor, held: Evidence) -> None:
        """Mean and covariance of the codes."""
        codes = held.latent.double()
        covariance = torch.cov(codes.T).reshape(len(self.mean), -1)
        ridge = _RIDGE * covariance.diagonal().mean() * torch.eye(len(self.mean), dtype=torch.float64)
        self.mean.copy_(codes.mean(0))
        self.whiten.copy_(torch.linalg.inv(torch.linalg.cholesky(covariance + ridge)))

    def forward(self, evidence: Evidence) -> Tensor:
        """Standard deviations, shape (n,)."""
        return ((evidence.latent - self.mean) @ self.whiten.T).square().sum(1).sqrt()
