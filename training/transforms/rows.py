"""What the transforms of tables share: which values lie apart, and what their log-density is over."""

import torch
from torch import Tensor

from training.cells import Cells
from training.transforms.base import DataFacts, Transform
from training.transforms.categories import counts
from training.zoo.base import Options


class RowTransform(Transform):
    """Rows of numbers and codes of categories to standardised columns; ``cells`` say which values lie apart.

    A family gives such values probabilities, so no slope of the map belongs to them.
    """

    raw = "row"
    space = "real"

    def __init__(self, facts: DataFacts, options: Options) -> None:
        super().__init__(facts, options)
        self.register_buffer("log_det", torch.zeros(facts.shape, dtype=torch.float64))
        self.register_buffer("categories", counts(facts), persistent=False)
        self.cells = Cells(*facts.shape)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(features,)."""
        return self.raw_shape

    @property
    def density_of(self) -> str:
        """What the density is over; of values that lie apart it is a probability."""
        apart, columns = len(self.cells.apart), len(self.cells.quantum)
        if not apart:
            return "the row in original units"
        if apart == columns:
            return "the row: a probability, since all columns are categories or evenly spaced numbers"
        return f"the row in original units: a probability of {apart} of {columns} columns, whose values lie apart"

    def raw_terms(self, terms: Tensor, x: Tensor, raw: Tensor) -> Tensor:
        """Terms of log p(raw): the slope of the map added where the term is a density."""
        return torch.where(self.cells.quantum > 0, terms.double(), terms.double() + self.slopes(x))

    def slopes(self, x: Tensor) -> Tensor:
        """Log |dx/draw| at x, float64, of a shape that x can be combined with."""
        return self.log_det.double()
