"""Does a sampler produce every kind of item? Class shares of samples against those of real data.

A mode that is never generated does not show in any loss of an adversarial game, and hardly in a likelihood. So a
nearest-neighbour classifier, fitted on labelled real items, labels as many samples as real test items, and the two
histograms are compared by their total variation, ½ Σ_c |p_c − q_c|: 0 for equal shares, near 1 when a few classes are
all there is. The same number for real against real says how far from 0 chance alone leads.
"""

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

from training.data import Items, Splits
from training.evaluate.measurement import Measurement
from training.evaluate.sampling import sample
from training.transforms import Transform
from training.zoo.base import DirectSampler, Family, FixedPointSampler

_REFERENCES, _ITEMS, _NEIGHBOURS = 10_000, 2_000, 3
_CHUNK = 250


def evaluate_coverage(family: Family, transform: Transform, splits: Splits, seed: int) -> list[Measurement]:
    """Total variation of class shares; empty for unlabelled data, a single class, or a family that does not sample.

    Also empty for recordings and texts, whose neighbours sample by sample say nothing about what is heard or read.
    """
    if not isinstance(family, DirectSampler | FixedPointSampler) or splits.fit.labels is None:
        return []
    if transform.raw not in ("image", "row"):
        return []
    if len(np.unique(splits.fit.labels)) < 2:
        return []
    count = min(_ITEMS, len(splits.test) // 2)
    neighbours = KNeighborsClassifier(_NEIGHBOURS).fit(
        _flat(splits.fit.x[:_REFERENCES], transform), splits.fit.labels[:_REFERENCES]
    )
    real, other = (_predicted(neighbours, part.x, transform) for part in _halves(splits.test, count))
    drawn = np.concatenate(
        [sample(family, transform, _CHUNK, seed + start).numpy() for start in range(0, count, _CHUNK)]
    )[:count]
    accuracy = float((real == splits.test.labels[:count]).mean())
    generated = _predicted(neighbours, drawn, transform)
    classes = np.unique(splits.fit.labels)
    missing = int(np.setdiff1d(classes, generated).size)
    protocol = (
        f"{count} samples labelled by {_NEIGHBOURS} nearest neighbours among {min(_REFERENCES, len(splits.fit))} real "
        f"items ({accuracy:.1%} right on real test items); {missing} of {len(classes)} classes never generated; "
        f"real against real: {_total_variation(real, other, classes):.3f}"
    )
    value = _total_variation(generated, real, classes)
    return [Measurement("class_share_tv", value, "total variation", "test", protocol)]


def _halves(test: Items, count: int) -> tuple[Items, Items]:
    return test.take(slice(count)), test.take(slice(count, 2 * count))


def _predicted(classifier: KNeighborsClassifier, raw: np.ndarray, transform: Transform) -> np.ndarray:
    return classifier.predict(_flat(raw, transform))


def _flat(raw: np.ndarray, transform: Transform) -> np.ndarray:
    """Items in model space, as the family sees them, (items, dims)."""
    noise = [item.draw(len(raw), torch.Generator().manual_seed(0)) for item in transform.score_noise]
    return transform(torch.from_numpy(np.ascontiguousarray(raw)), *noise).flatten(1).numpy()


def _total_variation(left: np.ndarray, right: np.ndarray, classes: np.ndarray) -> float:
    shares = [np.array([(labels == value).mean() for value in classes]) for labels in (left, right)]
    return float(0.5 * np.abs(shares[0] - shares[1]).sum())
