"""Golden vectors: inputs and expected outputs that a service must reproduce before it becomes ready."""

from collections.abc import Mapping

import numpy as np
import torch

from pofx.bundle import ConditionInput, DataInput, GraphInput, NoiseInput, StateInput
from pofx.graphs.golden import STEPPED
from pofx.rules.noise import draw_shared
from pofx.rules.outputs import golden_input, golden_output
from pofx.use.calibrate import as_npz
from training.export.export import Exported
from training.export.graphs import Computation
from training.export.parity import Runner
from training.scoring import NOISE_SEED

ROWS = 4
_STEPS = 2


def golden(exported: Exported) -> bytes:
    """An npz archive of the inputs and outputs of every graph; data inputs are items of the test split.

    They are complete; where a graph takes rows that miss values, one does.
    """
    arrays: dict[str, np.ndarray] = {}
    generator = torch.Generator().manual_seed(4)
    raw = exported.prepared.splits.test.complete().x
    items = raw[np.arange(ROWS) % len(raw)]
    for name, computation in exported.graphs.items():
        fresh = computation.example(ROWS, generator)
        given = _with_gaps(items) if computation.marginal else items
        pairs = zip(computation.inputs, fresh, strict=True)
        inputs = {item.name: _input(item, array.numpy(), given) for item, array in pairs}
        arrays |= steps(name, computation, inputs, exported.runners[name])
    return as_npz(arrays)


def steps(
    name: str, computation: Computation, inputs: Mapping[str, np.ndarray], runner: Runner
) -> dict[str, np.ndarray]:
    """The golden arrays of a graph; of a sequential sampler those of its first steps, one after the other.

    ``inputs`` are those of the first step. What differs from step to step has an axis of steps in front. A step that
    reaches the end is left out if there is another: nobody reads the states that it gives.
    """
    if (pieces := computation.pieces) is None:
        return _call(name, computation, inputs, runner)
    found, told = [], dict(inputs)
    for start in pieces.starts[: max(1, min(_STEPS, pieces.positions // pieces.chunk))]:
        told["position"] = np.asarray(start, np.int64)
        found.append(_call(name, computation, told, runner))
        states = [item for item in computation.inputs if isinstance(item, StateInput)]
        told |= {item.name: found[-1][golden_output(name, item.becomes)] for item in states}
    same = {golden_input(name, item.name) for item in computation.inputs if item.role not in STEPPED}
    return {key: array if key in same else np.stack([step[key] for step in found]) for key, array in found[0].items()}


def _call(
    name: str, computation: Computation, inputs: Mapping[str, np.ndarray], runner: Runner
) -> dict[str, np.ndarray]:
    outputs = zip(computation.outputs, runner(*inputs.values()), strict=True)
    given = {golden_input(name, key): array for key, array in inputs.items()}
    return given | {golden_output(name, item.name): array for item, array in outputs}


def _with_gaps(items: np.ndarray) -> np.ndarray:
    """The same with every other value of the last row missing."""
    items = items.copy()
    items[-1, ::2] = np.nan
    return items


def _input(item: GraphInput, fresh: np.ndarray, items: np.ndarray) -> np.ndarray:
    if (isinstance(item, DataInput) and fresh.shape == items.shape) or (
        isinstance(item, ConditionInput) and item.of == "known"
    ):
        return items
    if isinstance(item, NoiseInput) and "batch" not in item.shape:
        return draw_shared(item, NOISE_SEED)
    return fresh
