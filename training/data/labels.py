"""Labels of any type as indices."""

import numpy as np


def as_indices(labels: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Distinct labels in sorted order as text, and for every item the index of its label, int64."""
    values, indices = np.unique(np.asarray(labels).reshape(-1), return_inverse=True)
    return tuple(str(value) for value in values), indices.astype(np.int64)
