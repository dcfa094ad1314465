"""A row's bits do not depend on its batch: measured when loading, and held here for every graph of every model."""

import numpy as np
import pytest

from pofx.graphs.layout import LAYOUTS, SLOW_LAYOUT, Layout, find_layout, find_slow_layout


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [1, 3, 4, 17])
def test_gather_undoes_spread(layout, rows):
    array = np.arange(rows * 2.0).reshape(rows, 2)
    spread = layout.spread(array)
    assert len(spread) % layout.multiple == 0
    assert np.array_equal(layout.gather(spread, rows), array)


def test_a_kernel_that_depends_on_the_row_count_gets_padding():
    probe = np.random.default_rng(0).standard_normal((19, 3))

    def run(layout, start, stop):
        spread = layout.spread(probe[start:stop])
        error = 0.0 if len(spread) % 4 == 0 else 1e-9
        return {"y": layout.gather(spread + error * len(spread), stop - start)}

    assert find_layout(run, len(probe)) == Layout(1, 4)


def test_one_number_per_row_may_need_every_row_repeated():
    probe = np.random.default_rng(0).standard_normal(19).astype(np.float32)

    def run(layout, start, stop):
        spread = layout.spread(probe[start:stop])
        place = 0 if layout.stride == 4 else np.arange(len(spread)) % 4  # a kernel that sees a row's place
        return {"y": layout.gather((spread + place).astype(np.float32), stop - start)}

    assert find_layout(run, len(probe)) == Layout(4, 16)


def test_no_layout_is_found_for_noise():
    random = np.random.default_rng(0)
    assert find_layout(lambda layout, start, stop: {"y": random.random((stop - start, 1))}) is None


def test_parts_of_a_batch_on_several_cores_are_the_whole():
    from concurrent.futures import ThreadPoolExecutor
    from types import SimpleNamespace

    from pofx.graphs.rows import Lanes, RowGraph

    class Square:
        def run(self, arrays, wanted, position=None):
            return {"y": arrays["x"] ** 2}

    x = np.arange(1001.0)
    with ThreadPoolExecutor(3) as executor:
        graph = RowGraph(SimpleNamespace(mflop_per_row=1.0, inputs=()), Square(), Lanes(3, executor))
        assert len(graph._part_bounds(1001)) == 3
        assert np.array_equal(graph.run({"x": x}, ("y",))["y"], x**2)
        costly = RowGraph(SimpleNamespace(mflop_per_row=1e4, inputs=()), Square(), Lanes(3, executor))
        assert [costly._part_bounds(rows) for rows in (1, 2)] == [[(0, 1)], [(0, 1), (1, 2)]]


@pytest.mark.parametrize("rows", [4, 5])
def test_a_slow_graph_is_probed_in_one_layout_and_one_grouping(rows):
    runs = []

    def run(chosen, start, stop):
        runs.append((chosen, start, stop))
        return {"y": np.zeros(stop - start)}

    assert find_slow_layout(run, {"y": np.zeros(rows)}) == SLOW_LAYOUT
    alone = (SLOW_LAYOUT, rows - 1, rows)
    assert runs == ([alone] if rows == 4 else [(SLOW_LAYOUT, 0, rows), alone])
    assert find_slow_layout(lambda _, start, stop: {"y": np.zeros(stop - start) + start}, {"y": np.zeros(4)}) is None
