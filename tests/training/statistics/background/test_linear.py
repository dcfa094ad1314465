"""The linear background is a Gaussian density of raw pictures, and learns how smooth they are."""

import math

import pytest
import torch

from training.statistics.background import LinearBackground
from training.statistics.contexts import neighbours

SIDE = 4


def _smooth(count: int, seed: int) -> torch.Tensor:
    """Pictures whose pixels are 0.9 of the one to the left plus noise, (count, 1, SIDE, SIDE)."""
    noise = torch.randn(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    columns = [noise[..., 0]]
    for place in range(1, SIDE):
        columns.append(0.9 * columns[-1] + 0.3 * noise[..., place])
    return torch.stack(columns, -1)


def _fitted(x: torch.Tensor) -> LinearBackground:
    background = LinearBackground(torch.zeros(x.shape[1:]))
    background.fit(x)
    return background


def test_neighbours_come_before_their_pixel():
    x = torch.rand(1, 1, SIDE, SIDE, requires_grad=True)
    for row, column in ((0, 0), (1, 2), (3, 3)):
        near = torch.stack(neighbours(x))[:, 0, 0, row, column].sum()
        (gradient,) = torch.autograd.grad(near, x, retain_graph=True)
        places = gradient[0, 0].nonzero().tolist()
        assert all((r, c) < (row, column) for r, c in places)


def test_it_is_the_density_of_a_gaussian_whose_precision_is_that_of_the_residuals():
    x = _smooth(500, 0)
    background = _fitted(x)
    # log p0 is a quadratic function, so its gradient and curvature give the normal it claims to be.
    curvature = -torch.autograd.functional.hessian(
        lambda flat: background(flat.reshape(1, 1, SIDE, SIDE))[0], torch.zeros(SIDE**2)
    )
    zero = torch.zeros(SIDE**2, requires_grad=True)
    (slope,) = torch.autograd.grad(background(zero.reshape(1, 1, SIDE, SIDE))[0], zero)
    normal = torch.distributions.MultivariateNormal(torch.linalg.solve(curvature, slope), precision_matrix=curvature)
    torch.testing.assert_close(background(x[:20]), normal.log_prob(x[:20].flatten(1)), rtol=1e-3, atol=1e-2)


def test_smooth_pictures_are_likelier_than_the_same_pixels_shuffled():
    background = _fitted(_smooth(500, 0))
    fresh = _smooth(200, 1)
    order = torch.randperm(SIDE**2, generator=torch.Generator().manual_seed(0))
    shuffled = fresh.flatten(2)[..., order].reshape(fresh.shape)
    assert float(background(fresh).mean()) > float(background(shuffled).mean())


def test_pictures_that_are_all_alike_have_a_finite_density():
    background = _fitted(torch.full((10, 1, SIDE, SIDE), 0.5))
    assert background(torch.rand(3, 1, SIDE, SIDE)).isfinite().all()


def test_what_the_transform_adds_is_added_once_per_dimension():
    volume = LinearBackground(torch.full((1, SIDE, SIDE), -math.log(256)))
    bare = LinearBackground(torch.zeros(1, SIDE, SIDE))
    x = _smooth(5, 2)
    assert (bare(x) - volume(x)).tolist() == pytest.approx([SIDE**2 * math.log(256)] * 5, rel=1e-5)
