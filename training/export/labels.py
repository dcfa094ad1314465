"""Which labels calibration items have, as the manifest counts them."""

import numpy as np

from pofx import bundle
from pofx.use.calibrate import Labelled

LEAST_LABELS = 2
"""A single label tells nothing apart."""


def labelled(labels: np.ndarray | None, names: tuple[str, ...]) -> Labelled:
    """The labels of items from their indices into names, (items,); nothing where fewer than two of them occur."""
    if labels is None:
        return Labelled()
    found, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(found) < LEAST_LABELS:
        return Labelled()
    rows = zip(found.tolist(), counts.tolist(), strict=True)
    listed = tuple(bundle.LabelCount(name=names[label], n=count) for label, count in rows)
    return Labelled(listed, places.astype(np.min_scalar_type(len(found) - 1)))
