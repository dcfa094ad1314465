"""What a background model is: a density of raw items that is simpler than any family, and carried in the same graph."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Background(nn.Module, ABC):
    """log p₀(x), in nats and of raw items like the log_prob it is compared with."""

    @abstractmethod
    def fit(self, x: Tensor) -> None:
        """Learns from items of the fit split in model space, (n, *event_shape)."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Log p₀(x), shape (n,)."""
