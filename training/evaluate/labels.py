"""How often the label that a family thinks most likely is the item's label."""

import numpy as np
import torch

from training.data import Items
from training.evaluate.measurement import Measurement, mean
from training.transforms import Transform
from training.zoo.base import Family, LabelPosterior

_CHUNK = 200


def evaluate_labels(family: Family, transform: Transform, test: Items, seed: int) -> list[Measurement]:
    """Label accuracy on the test split; empty for a family that gives no probabilities of labels."""
    if not isinstance(family, LabelPosterior) or test.labels is None:
        return []
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(seed)
        raw = torch.from_numpy(np.ascontiguousarray(test.x))
        likely = torch.cat([family.embed(transform.training_view(part)).argmax(1) for part in raw.split(_CHUNK)])
    right = (likely.numpy() == test.labels).astype(np.float64)
    protocol = f"most probable of {family.embedding_dims} labels by encode, {transform.protocol}, seed {seed}"
    return [mean("label_accuracy", right, "share", "test", protocol)]
