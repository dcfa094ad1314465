"""The convolutional background is a distribution over pictures, learnt from them in every orientation."""

import itertools

import pytest
import torch

from training.statistics.background import ConvolutionalBackground


def _pictures(count: int, seed: int = 0) -> torch.Tensor:
    """Horizontal bars on black, (count, 1, 6, 6)."""
    rows = torch.randint(0, 6, (count,), generator=torch.Generator().manual_seed(seed))
    pictures = torch.zeros(count, 1, 6, 6)
    pictures[torch.arange(count), 0, rows] = 1.0
    return pictures


def _fitted(x: torch.Tensor) -> ConvolutionalBackground:
    background = ConvolutionalBackground(tuple(x.shape[1:]))
    background.fit(x)
    return background


@pytest.mark.parametrize("shape", [(1, 1, 8), (1, 3, 3), (1, 2, 4), (2, 2, 2)])
def test_probabilities_of_all_pictures_sum_to_one(shape):
    dims = shape[0] * shape[1] * shape[2]
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=dims))).reshape(-1, *shape)
    background = _fitted(every[torch.randint(len(every), (40,), generator=torch.Generator().manual_seed(0))])
    assert float(background(every).double().exp().sum()) == pytest.approx(1.0, abs=1e-4)


def test_it_learns_and_knows_no_upright():
    background, fresh = _fitted(_pictures(600)), _pictures(50, seed=1)
    noise = torch.bernoulli(torch.full_like(fresh, 1 / 6), generator=torch.Generator().manual_seed(2))
    upright, turned, strange = (float(background(x).mean()) for x in (fresh, fresh.rot90(1, (2, 3)), noise))
    assert min(upright, turned) > strange + 3
    assert abs(upright - turned) < 0.5 * (min(upright, turned) - strange)


def test_the_same_pictures_give_the_same_background():
    x = _pictures(100)
    assert torch.equal(_fitted(x)(x), _fitted(x)(x))


def test_fitting_leaves_the_global_generator_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    _fitted(_pictures(20))
    assert torch.equal(torch.get_rng_state(), before)
