"""How well codes restore items they were not fitted on."""

import torch

from training.data import Items
from training.evaluate.measurement import Measurement, mean
from training.transforms import Transform
from training.zoo.base import Family, Reconstructing


def evaluate_reconstruction(family: Family, transform: Transform, splits: dict[str, Items]) -> list[Measurement]:
    """Squared error per dimension of the test split, and the share of its variance that is explained.

    The variance is about the mean of the fit split. Empty for a family that does not restore.
    """
    if not isinstance(family, Reconstructing):
        return []
    with torch.no_grad():
        x = transform(torch.from_numpy(splits["test"].x), *_noise(transform)).flatten(1)
        centre = transform(torch.from_numpy(splits["fit"].x), *_noise(transform)).flatten(1).mean(0)
        errors = family.errors(x.reshape(-1, *family.event_shape)).flatten(1)
    lost, spread = errors.mean(1).double().numpy(), (x - centre).square().mean(1).double().numpy()
    protocol = f"{family.embedding_dims} numbers, {transform.protocol}"
    explained = Measurement("explained_variance", float(1 - lost.sum() / spread.sum()), "share", "test", protocol)
    return [mean("reconstruction_error", lost, "squared units/dim", "test", protocol), explained]


def _noise(transform: Transform) -> list[torch.Tensor]:
    """The middle of what a transform adds."""
    return [torch.full(item.shape, 0.5) for item in transform.score_noise]
