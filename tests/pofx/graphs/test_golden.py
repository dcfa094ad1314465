"""A few steps of a sampler are stored, and each of them must be reproduced."""

import numpy as np
import pytest

from pofx import bundle
from pofx.graphs.golden import GoldenMismatch, check, inputs_of

SPEC = bundle.Graph(
    files={"onnx": "g.onnx"},
    inputs=(
        bundle.NoiseInput(name="u", dtype="float32", shape=("batch", 2), distribution="uniform"),
        bundle.StateInput(name="sum", dtype="float32", shape=("batch", 2)),
        bundle.PositionInput(name="position", dtype="int64", shape=()),
    ),
    outputs=(bundle.ArraySpec(name="next_sum", dtype="float32", shape=("batch", 2)),),
    mflop_per_row=1.0,
)
TOLERANCE = bundle.Tolerance(atol=1e-6, rtol=0.0)


class Sums:
    def run(self, arrays, wanted):
        assert arrays["position"].shape == ()
        assert arrays["position"].dtype == np.int64
        return {"next_sum": arrays["sum"] + arrays["u"] * np.float32(1 + arrays["position"])}


def stored(**changes):
    u = np.random.default_rng(0).random((3, 2), np.float32)
    sums = np.stack([0 * u, u, u * 4])  # after the steps at 0 and 2
    golden = {"u": u, "sum": sums[:2], "position": np.array([0, 2])}
    return {f"g.in.{key}": array for key, array in (golden | changes).items()} | {"g.out.next_sum": sums[1:].copy()}


def test_every_stored_step_is_run_and_the_last_is_handed_on():
    outputs = check(stored(), "g", SPEC, Sums(), TOLERANCE)
    assert np.array_equal(outputs["next_sum"], stored()["g.out.next_sum"][-1])
    assert [int(step["position"]) for step in inputs_of(stored(), "g", SPEC)] == [0, 2]


@pytest.mark.parametrize("step", [0, 1])
def test_one_step_that_differs_is_refused(step):
    golden = stored()
    golden["g.out.next_sum"][step, 1, 1] += 0.1
    with pytest.raises(GoldenMismatch, match=r"g\.out\.next_sum: 8\.33% of the elements differ"):
        check(golden, "g", SPEC, Sums(), TOLERANCE)


@pytest.mark.parametrize("position", [np.array(0), np.zeros(0, np.int64), np.arange(3)])
def test_states_and_positions_of_other_steps_are_refused(position):
    with pytest.raises(GoldenMismatch, match="expected sum, position for the same few steps"):
        check(stored(position=position), "g", SPEC, Sums(), TOLERANCE)
