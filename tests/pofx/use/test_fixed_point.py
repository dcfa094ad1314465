"""Fixed-point sampling gives exactly the ancestral sample, row by row, with each row stopping for itself."""

import asyncio

import numpy as np
import pytest

from pofx.errors import GraphFailed
from pofx.use.fixed_point import iterate

DIMS = 30


def conditional(state, u, weights):
    """Proposes all positions at once; position j looks only at positions before it."""
    logits = state.astype(np.float64) @ weights
    return (u < 1 / (1 + np.exp(-logits))).astype(np.uint8)


def ancestral(u, weights):
    state = np.zeros(u.shape, np.uint8)
    for position in range(DIMS):
        state[:, position] = conditional(state, u, weights)[:, position]
    return state


def test_the_fixed_point_is_the_ancestral_sample():
    random = np.random.default_rng(0)
    weights, u = np.triu(random.standard_normal((DIMS, DIMS)), 1) * 2, random.random((64, DIMS))
    seen = []

    async def propose(state, constant):
        seen.append(len(state))
        return conditional(state, constant["u"], weights)

    values, passes = asyncio.run(iterate(propose, np.zeros((64, DIMS), np.uint8), {"u": u}, DIMS))
    assert np.array_equal(values, ancestral(u, weights))
    assert seen == sorted(seen, reverse=True)  # rows that are done take no further part
    assert sum(seen) == passes.sum()
    assert passes.max() <= DIMS + 1


def test_what_never_settles_is_an_error_and_not_a_hang():
    async def flip(state, constant):
        return 1 - state

    with pytest.raises(GraphFailed):
        asyncio.run(iterate(flip, np.zeros((2, 3), np.uint8), {}, 5))
