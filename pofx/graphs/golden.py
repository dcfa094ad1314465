"""The self-test of a bundle: its graphs must reproduce stored outputs here, on this machine and runtime."""

import io

import numpy as np

from pofx import bundle
from pofx.graphs.graph import Graph
from pofx.rules.arrays import Array, Arrays
from pofx.rules.outputs import golden_input, golden_output


class GoldenMismatch(Exception):
    """A graph does not reproduce its golden outputs."""


def load_arrays(content: bytes) -> dict[str, Array]:
    """All arrays of an npz file; pickled objects are refused."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def inputs_of(golden: Arrays, name: str, spec: bundle.Graph) -> dict[str, Array]:
    """The golden inputs of a graph, by input name; raises GoldenMismatch if one is missing."""
    return {item.name: _stored(golden, golden_input(name, item.name)) for item in spec.inputs}


def position_of(inputs: Arrays, spec: bundle.Graph) -> int | None:
    """Where golden inputs stand, if their graph is told a position."""
    return next((int(inputs[item.name]) for item in spec.inputs if item.role == "position"), None)


def check(golden: Arrays, name: str, spec: bundle.Graph, graph: Graph, tolerance: bundle.Tolerance) -> dict[str, Array]:
    """The outputs for the golden inputs; raises GoldenMismatch that names the output and the largest difference."""
    wanted = tuple(item.name for item in spec.outputs)
    got = graph.run(inputs_of(golden, name, spec), wanted)
    for output in wanted:
        key = golden_output(name, output)
        _compare(key, got[output], _stored(golden, key), tolerance)
    return got


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
        raise GoldenMismatch(f"{key}: {share:.2%} of the elements differ, by up to {largest:g}")
