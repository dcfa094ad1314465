"""Sources of data and their splits."""

from training.data.dataset import Dataset
from training.data.fingerprint import fingerprint
from training.data.items import Items
from training.data.sources import DataOptions, load
from training.data.splits import Splits, split

__all__ = ["DataOptions", "Dataset", "Items", "Splits", "fingerprint", "load", "split"]
