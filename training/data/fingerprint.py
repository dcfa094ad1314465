"""What tells data from other data: the arrays of every split, and what their numbers mean."""

import hashlib

import numpy as np

from training.data.dataset import Dataset
from training.data.splits import Splits


def fingerprint(dataset: Dataset, splits: Splits) -> str:
    """SHA-256 over all that is known of every item, split by split, and over the names of columns, labels and codes.

    Where the file lies, what it is called and its licence do not count.
    """
    digest = hashlib.sha256(repr(_meaning(dataset)).encode())
    for name, part in splits.parts.items():
        for field, array in part.known().items():
            digest.update(f"{name}.{field}{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _meaning(dataset: Dataset) -> tuple[object, ...]:
    return (
        dataset.kind, dataset.label_names, dataset.columns, dataset.categories, dataset.rate_hz, dataset.alphabet,
    )  # fmt: skip
