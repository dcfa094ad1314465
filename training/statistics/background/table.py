"""A background model for discrete items: how often a symbol follows its neighbours.

The symbols and contexts of ``contexts.py``, counted over the fit split; pictures count in all their orientations.
"""

import torch
from torch import Tensor

from training.statistics.background.base import Background
from training.statistics.contexts import Contexts


class ContextTable(Background):
    """p₀(x) = Π_d p₀(symbol d | context d), with the frequencies of the fit split."""

    def __init__(self, contexts: Contexts) -> None:
        super().__init__()
        self.contexts = contexts
        self.register_buffer("log_prob", torch.zeros(contexts.contexts * contexts.symbols))

    def fit(self, x: Tensor) -> None:
        """Frequencies over all items, pictures in all orientations, with half a count more everywhere."""
        counted = sum(self._counts(view) for view in self.contexts.views(x)) + 0.5
        counted = counted.reshape(self.contexts.contexts, self.contexts.symbols)
        self.log_prob.copy_((counted / counted.sum(1, keepdim=True)).log().flatten())

    def _counts(self, x: Tensor) -> Tensor:
        size = self.contexts.contexts * self.contexts.symbols
        return sum(
            torch.bincount(self.contexts.places(part).flatten(), minlength=size).double() for part in x.split(500)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Log p₀(x), shape (n,)."""
        return self.log_prob[self.contexts.places(x)].sum(1)
