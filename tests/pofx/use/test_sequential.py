"""A sampler in steps draws what one loop would, shows how far it is, and keeps nothing that no step needs."""

import gc
import weakref

import numpy as np
import pytest

import pofx
from pofx import bundle
from pofx.rules import noise
from pofx.use.generate import GenerateAsked, plan
from pofx.use.steps import run

N = 9


@pytest.fixture(scope="module")
def model(drafts, tmp_path_factory):
    store = bundle.Store(tmp_path_factory.mktemp("walk"))
    drafts["walk"]().write(store)
    return pofx.load("tiny-walk", store=store.root, parallel_runs=1).loaded


def begun(model, n=N, seed=3):
    return plan(model, GenerateAsked(n, seed)).begin()


def stepped(steps):
    """The same steps after each that was run."""
    while (arrays := steps.next()) is not None:
        steps.take(steps.graph.run(arrays, steps.wanted, steps.position))
        yield steps


def expected(model, n=N, seed=3):
    spec = model.manifest.graphs["generate"].input("eps")
    return np.cumsum(noise.draw(spec, seed, range(n)), 1)


def test_steps_draw_what_one_loop_would_and_the_last_may_reach_beyond_the_end(model):
    np.testing.assert_allclose(run(begun(model)).values, expected(model), rtol=1e-5)
    one = [run(begun(model, n)).values for n in (1, N)]
    assert np.array_equal(one[0], one[1][:1])


def test_every_step_says_where_it_stands_how_far_it_is_and_what_is_drawn(model):
    steps = begun(model)
    assert steps.preview() is None
    found = [(steps.position, steps.progress)]
    for _ in stepped(steps):
        found.append((steps.position, steps.progress))
        done = min(steps.position, 7)
        np.testing.assert_allclose(steps.preview()[:, :done], expected(model)[:, :done], rtol=1e-5)
        assert not steps.preview()[:, done:].any()
    assert found == [(0, 0.0), (2, 0.25), (4, 0.5), (6, 0.75), (8, 1.0)]
    assert np.array_equal(steps.preview(), steps.read().values)


def test_states_start_as_zeros_and_nobody_asks_for_the_last_ones(model):
    steps = begun(model)
    assert not any(steps.next()[name].any() for name in ("drawn", "total"))
    wanted = []
    while (arrays := steps.next()) is not None:
        wanted.append(steps.wanted)
        steps.take(steps.graph.run(arrays, steps.wanted, steps.position))
    assert wanted == [("sample", "next_drawn", "next_total")] * 3 + [("sample",)]


def test_work_is_that_of_all_steps(model):
    asked = plan(model, GenerateAsked(N, 3))
    assert asked.mflop(N) == pytest.approx(4 * N * asked.graph.mflop_per_row)


def test_a_sampler_that_is_given_up_leaves_nothing_and_is_not_read(model):
    steps = begun(model)
    next(stepped(steps))
    with pytest.raises(RuntimeError, match="before the last step"):
        steps.read()
    state = weakref.ref(steps.next()["drawn"])
    assert state() is not None
    del steps
    gc.collect()
    assert state() is None
    np.testing.assert_allclose(run(begun(model)).values, expected(model), rtol=1e-5)
