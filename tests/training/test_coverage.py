"""Class shares tell a sampler that covers the data from one that collapsed."""

import numpy as np
import pytest
import torch

from training.data import bundled, split
from training.data.splits import SplitOptions
from training.evaluate.coverage import evaluate_coverage
from training.transforms import DataFacts, SignedUnit
from training.zoo.base import DirectSampler, Facts, Family, Noise, Options


class _Replays(Family, DirectSampler):
    """Returns stored items chosen by the noise; not a model, but a sampler whose class shares are known."""

    title = paper = "test"
    kind = "implicit"
    space = "signed_unit"

    def __init__(self, items: torch.Tensor) -> None:
        super().__init__(Facts(tuple(items.shape[1:]), "signed_unit"), Options())
        self.items = items

    @property
    def noise(self) -> tuple[Noise, ...]:
        return (Noise("u", "uniform", (1,)),)

    def generate(self, *noise, temperature):
        return self.items[(noise[0][:, 0] * len(self.items)).long()], None


@pytest.fixture
def splits():
    return split(bundled.digits(), SplitOptions(), seed=0)


def _measured(splits, keep: np.ndarray):
    transform = SignedUnit(DataFacts("image", (8, 8, 1)), SignedUnit.Options())
    family = _Replays(transform(torch.from_numpy(splits.calibration.x[keep])))
    (measurement,) = evaluate_coverage(family, transform, splits, seed=0)
    return measurement


def test_a_sampler_that_covers_the_data_is_near_zero(splits):
    everything = _measured(splits, np.ones(len(splits.calibration), bool))
    assert everything.value < 0.2
    assert "0 of 10 classes never generated" in everything.protocol


def test_a_collapsed_sampler_is_found(splits):
    threes = _measured(splits, splits.calibration.labels == 3)
    assert threes.value > 0.8
    assert "classes never generated" in threes.protocol


def test_unlabelled_data_has_no_class_shares(splits):
    from dataclasses import replace

    bare = splits.map(lambda _, part: replace(part, labels=None))
    transform = SignedUnit(DataFacts("image", (8, 8, 1)), SignedUnit.Options())
    assert evaluate_coverage(_Replays(transform(torch.from_numpy(splits.fit.x))), transform, bare, seed=0) == []
