"""Fixed-point sampling gives exactly the ancestral sample, row by row, with each row stopping for itself."""

from types import SimpleNamespace

import numpy as np
import pytest

from pofx.errors import GraphFailed
from pofx.use.fixed_point import FixedPoint
from pofx.use.steps import run

DIMS = 30


class Proposals:
    """Stands for a graph: rows of a state and noise in, proposals out; remembers how many rows it was asked for."""

    mflop_per_row = 1.0
    spec = SimpleNamespace(inputs=[SimpleNamespace(role="data", name="x")])

    def __init__(self, propose):
        self.propose, self.rows = propose, []

    def run(self, arrays, wanted, position=None):
        self.rows.append(len(arrays["x"]))
        return {"sample": self.propose(arrays["x"], arrays.get("u"))}


def conditional(state, u, weights):
    """Proposes all positions at once; position j looks only at positions before it."""
    logits = state.astype(np.float64) @ weights
    return (u < 1 / (1 + np.exp(-logits))).astype(np.uint8)


def ancestral(u, weights, known=None):
    state = np.zeros(u.shape, np.uint8)
    for position in range(DIMS):
        drawn = conditional(state, u, weights)[:, position]
        state[:, position] = drawn if known is None or position not in known else known[position]
    return state


def fixed_points(graph, start, constant, keep=lambda drawn: drawn, most=DIMS):
    return run(begun(graph, start, constant, keep, most))


def begun(graph, start, constant, keep=lambda drawn: drawn, most=DIMS):
    return FixedPoint(graph, "sample", start, constant, keep, most, 6.0, lambda values, passes: (values, passes))


def test_the_fixed_point_is_the_ancestral_sample():
    random = np.random.default_rng(0)
    weights, u = np.triu(random.standard_normal((DIMS, DIMS)), 1) * 2, random.random((64, DIMS))
    graph = Proposals(lambda x, noise: conditional(x, noise, weights))
    values, passes = fixed_points(graph, np.zeros((64, DIMS), np.uint8), {"u": u})
    assert np.array_equal(values, ancestral(u, weights))
    assert graph.rows == sorted(graph.rows, reverse=True)  # rows that are done take no further part
    assert sum(graph.rows) == passes.sum()
    assert passes.max() <= DIMS + 1


def test_what_is_known_stays_and_the_rest_follows_from_it():
    random = np.random.default_rng(1)
    weights, u = np.triu(random.standard_normal((DIMS, DIMS)), 1) * 2, random.random((20, DIMS))
    known = {0: 1, 1: 0, 2: 1}

    def keep(drawn):
        drawn = drawn.copy()
        drawn[:, list(known)] = list(known.values())
        return drawn

    graph = Proposals(lambda x, noise: conditional(x, noise, weights))
    values, _ = fixed_points(graph, np.zeros((20, DIMS), np.uint8), {"u": u}, keep)
    assert np.array_equal(values, ancestral(u, weights, known))


def test_what_never_settles_is_an_error_and_not_a_hang():
    with pytest.raises(GraphFailed, match="did not converge within 5 passes"):
        fixed_points(Proposals(lambda x, _: 1 - x), np.zeros((2, 3), np.uint8), {}, most=5)


def test_progress_rises_from_0_to_1_and_the_preview_becomes_the_sample():
    random = np.random.default_rng(2)
    weights, u = np.triu(random.standard_normal((DIMS, DIMS)), 1) * 2, random.random((20, DIMS))
    steps = begun(Proposals(lambda x, noise: conditional(x, noise, weights)), np.zeros((20, DIMS), np.uint8), {"u": u})
    told = [steps.progress]
    while (arrays := steps.next()) is not None:
        steps.take(steps.graph.run(arrays, steps.wanted))
        told.append(steps.progress)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert 0 < told[len(told) // 2] < 1
    assert np.array_equal(steps.preview(), steps.read()[0])
