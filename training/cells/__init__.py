"""Columns whose values lie apart: where, what a family makes of them, and the probability of a cell."""

from training.cells.cells import Cells, InCells
from training.cells.laws import ColumnLaws

__all__ = ["Cells", "ColumnLaws", "InCells"]
