"""Laws of noise: a function of seed, sample index and name, and nothing else."""

import numpy as np
import pytest

from pofx import bundle
from pofx.rules.noise import draw, draw_shared


def spec(name="z", distribution="normal", shape=("batch", 50)):
    return bundle.NoiseInput(name=name, dtype="float32", shape=shape, distribution=distribution)


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_a_sample_does_not_depend_on_how_many_are_drawn(distribution):
    whole = draw(spec(distribution=distribution), 7, range(20))
    for index in (0, 3, 19):
        assert np.array_equal(draw(spec(distribution=distribution), 7, range(index, index + 1))[0], whole[index])


def test_seed_index_and_name_all_matter():
    rows = [*draw(spec(), 1, range(3)), *draw(spec(), 2, range(3)), *draw(spec(name="u"), 1, range(3))]
    assert len({row.tobytes() for row in rows}) == 9


def test_moments_are_those_of_the_distribution():
    normal = draw(spec(), 0, range(400))
    uniform = draw(spec(distribution="uniform"), 0, range(400))
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03
    assert abs(uniform.mean() - 0.5) < 0.01
    assert uniform.min() >= 0
    assert uniform.max() < 1


def test_rows_are_independent():
    correlation = np.corrcoef(draw(spec(shape=("batch", 2000)), 0, range(8)))
    assert np.abs(correlation - np.eye(8)).max() < 0.1


def test_the_largest_seed_and_shared_noise_work():
    assert draw(spec(), 2**63 - 1, range(1)).shape == (1, 50)
    shared = spec(shape=(5, 3))
    assert np.array_equal(draw_shared(shared, 4), draw_shared(shared, 4))
    assert draw_shared(shared, 4).shape == (5, 3)
