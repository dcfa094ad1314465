"""The self-test of a bundle: its graphs must reproduce stored outputs here, on this machine and runtime."""

import io

import numpy as np

from pofx import bundle
from pofx.graphs.graph import Graph
from pofx.rules.arrays import Array, Arrays
from pofx.rules.outputs import golden_input, golden_output

STEPPED = ("state", "position")
"""Roles of what differs from step to step: stored with an axis of steps in front."""


class GoldenMismatch(Exception):
    """A graph does not reproduce its golden outputs."""


def load_arrays(content: bytes) -> dict[str, Array]:
    """All arrays of an npz file; pickled objects are refused."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def inputs_of(golden: Arrays, name: str, spec: bundle.Graph) -> list[dict[str, Array]]:
    """The golden inputs of a graph, by input name: one set, or of a sequential sampler one for each of a few steps.

    Raises GoldenMismatch if an array is missing.
    """
    stored = {item.name: _stored(golden, golden_input(name, item.name)) for item in spec.inputs}
    stepped = [item.name for item in spec.inputs if item.role in STEPPED]
    if not stepped:
        return [stored]
    counts = {array.shape[:1] for key, array in stored.items() if key in stepped}
    if counts & {(), (0,)} or len(counts) > 1:
        raise GoldenMismatch(f"{name}: expected {', '.join(stepped)} for the same few steps, got {sorted(counts)}")
    (count,) = next(iter(counts))
    return [
        {key: np.asarray(array[step]) if key in stepped else array for key, array in stored.items()}
        for step in range(count)
    ]


def position_of(inputs: Arrays, spec: bundle.Graph) -> int | None:
    """Where golden inputs stand, if their graph is told a position."""
    return next((int(inputs[item.name]) for item in spec.inputs if item.role == "position"), None)


def check(golden: Arrays, name: str, spec: bundle.Graph, graph: Graph, tolerance: bundle.Tolerance) -> dict[str, Array]:
    """The outputs for the last golden inputs; raises GoldenMismatch that names the output and the largest difference.

    The outputs of several steps are stored as one array, (steps, …).
    """
    wanted = tuple(item.name for item in spec.outputs)
    steps = [graph.run(inputs, wanted) for inputs in inputs_of(golden, name, spec)]
    stepped = any(item.role in STEPPED for item in spec.inputs)
    for output in wanted:
        key = golden_output(name, output)
        got = np.stack([step[output] for step in steps]) if stepped else steps[-1][output]
        _compare(key, got, _stored(golden, key), tolerance)
    return steps[-1]


def _stored(golden: Arrays, key: str) -> Array:
    if key not in golden:
        raise GoldenMismatch(f"the golden file has no array {key!r}")
    return golden[key]


def _compare(key: str, got: Array, want: Array, tolerance: bundle.Tolerance) -> None:
    if got.shape != want.shape or got.dtype != want.dtype:
        raise GoldenMismatch(f"{key}: expected {want.dtype}{want.shape}, got {got.dtype}{got.shape}")
    got, want = got.astype(np.float64), want.astype(np.float64)
    near = np.isclose(got, want, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=True)
    share = float(np.mean(~near))
    if share > tolerance.mismatch:
        finite = np.isfinite(got) & np.isfinite(want)
        largest = float(np.abs(got[finite] - want[finite]).max(initial=0.0))
        size = float(np.abs(want[finite]).max(initial=0.0))
        raise GoldenMismatch(
            f"{key}: {share:.2%} of the elements differ, by up to {largest:g}, of values up to {size:g}"
        )
