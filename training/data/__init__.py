"""Sources of data and their splits."""

from training.data.dataset import Dataset, Split, Splits
from training.data.sources import DataOptions, load
from training.data.splits import split

__all__ = ["DataOptions", "Dataset", "Split", "Splits", "load", "split"]
