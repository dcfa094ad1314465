"""Statistics of one item, all from one pass of the model: each with its anomalous tail, and one of all of them."""

from training.statistics.base import Evidence, Statistic
from training.statistics.choice import Statistics

__all__ = ["Evidence", "Statistic", "Statistics"]
