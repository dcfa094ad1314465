"""What a missing column counts as, so that rows with other columns missing can be compared.

A log-density of fewer columns is not comparable with one of all: each column adds its own terms, in its own units. So
the statistics of a row see, for every missing column, the term that column has on average on normal items that were
neither fitted on nor calibrate, and for the tail the average of all columns. A row then is as anomalous as what is
there; without any column it is an average row. log_prob itself stays that of the columns that are there.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from training.statistics.base import Evidence


class Averages(nn.Module):
    """Fills the missing terms of evidence; complete rows stay as they are, to the bit."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.register_buffer("terms", torch.zeros(dims))
        self.register_buffer("tail", torch.zeros(()))

    def fit(self, held: Evidence) -> None:
        """Averages over what is there and finite."""
        there = ~held.missing & held.terms.isfinite()
        total = torch.where(there, held.terms, 0.0).double().sum(0)
        self.terms.copy_(total / there.sum(0).clamp_min(1))
        if held.tail is not None:
            finite = held.tail.isfinite()
            columns = (~held.missing[finite]).sum().clamp_min(1)
            self.tail.copy_(held.tail[finite].double().sum() / columns)

    def forward(self, evidence: Evidence) -> Evidence:
        """The evidence with nothing missing."""
        return replace(
            evidence,
            log_prob=evidence.log_prob + self._sum(evidence.missing),
            terms=torch.where(evidence.missing, self.terms, evidence.terms),
            tail=None if evidence.tail is None else evidence.tail + self.tail * self._count(evidence.missing),
        )

    def _sum(self, missing: Tensor) -> Tensor:
        """A product, because in ONNX Runtime the last bits of a sum depend on where in a batch the row is."""
        return (missing.double() @ self.terms.double()).to(self.terms.dtype)

    def _count(self, missing: Tensor) -> Tensor:
        return missing.to(self.tail.dtype).sum(1)
