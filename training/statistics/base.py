"""What a statistic is: a number for one item, computed from the item and from what the score graph says about it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from pofx.rules.outputs import DIM_LOG_PROB, LOG_PROB


@dataclass(frozen=True)
class Evidence:
    """Items and their scores; ``n`` items in one batch.

    ``x``: model space, (n, *event_shape). ``log_prob``: nats, (n,). ``terms``: its parts per dimension, (n, dims).
    ``tail``: nats, (n,). ``missing``: bool, (n, dims), for a family that can leave out columns; their terms are 0.
    ``latent``: codes, (n, latent); ``reconstruction`` and ``rate``: (n,), in nats where there is a density. What a
    family does not have is None.
    """

    x: Tensor
    log_prob: Tensor | None = None
    terms: Tensor | None = None
    reconstruction: Tensor | None = None
    rate: Tensor | None = None
    latent: Tensor | None = None
    tail: Tensor | None = None
    missing: Tensor | None = None

    @classmethod
    def of(cls, x: Tensor, outputs: Mapping[str, Tensor], *, marginal: bool = False) -> "Evidence":
        """Evidence from x and the outputs of a score graph by name; float32. If ``marginal``, NaN in x is missing."""
        terms = outputs.get(DIM_LOG_PROB)
        return cls(
            x,
            outputs.get(LOG_PROB),
            None if terms is None else terms.flatten(1),
            *(outputs.get(name) for name in ("reconstruction", "rate", "latent", "tail")),
            missing=torch.isnan(x) if marginal else None,
        )


class Statistic(nn.Module, ABC):
    """One number per item; ``tail`` is the side on which anomalies lie; ``joins``: it is part of the combined one."""

    joins: ClassVar[bool] = False
    name: ClassVar[str]
    unit: ClassVar[str] = "nats"
    tail: ClassVar[Literal["low", "high"]]
    description: str

    def fit(self, x: Tensor, held: Evidence) -> None:
        """Takes what it needs from items of the fit split, and from scored items that were not fitted on."""

    @abstractmethod
    def forward(self, evidence: Evidence) -> Tensor:
        """The value of every item, shape (n,)."""

    def oriented(self, values: Tensor) -> Tensor:
        """The same values with the sign that makes high ones anomalous."""
        return -values if self.tail == "low" else values


def quantile(values: Tensor, share: float) -> Tensor:
    """That quantile of finite values, shape (n,) → ()."""
    return torch.quantile(values[values.isfinite()].double(), share)
