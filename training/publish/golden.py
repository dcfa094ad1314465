"""Golden vectors: inputs and expected outputs that a service must reproduce before it becomes ready."""

import numpy as np
import torch

from pofx.bundle import ConditionInput, DataInput, GraphInput, NoiseInput, StateInput
from pofx.rules.noise import draw_shared
from pofx.rules.outputs import golden_input, golden_output
from pofx.use.calibrate import as_npz
from training.export.export import Exported
from training.export.graphs import Computation
from training.export.parity import Runner
from training.scoring import NOISE_SEED

ROWS = 4


def golden(exported: Exported) -> bytes:
    """An npz archive of the inputs and outputs of every graph; data inputs are items of the test split.

    They are complete; where a graph takes rows that miss values, one does. Of a sequential sampler it is one step, with
    the states that come to it.
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
        inputs = _later(computation, inputs, exported.runners[name])
        outputs = zip(computation.outputs, exported.runners[name](*inputs.values()), strict=True)
        arrays |= {golden_input(name, key): array for key, array in inputs.items()}
        arrays |= {golden_output(name, item.name): array for item, array in outputs}
    return as_npz(arrays)


def _later(computation: Computation, inputs: dict[str, np.ndarray], runner: Runner) -> dict[str, np.ndarray]:
    """The inputs of the second step of a sequential sampler, given those of the first, unless it reaches the end."""
    pieces = computation.pieces
    if pieces is None or 2 * pieces.chunk > pieces.positions:
        return inputs
    outputs = dict(zip((item.name for item in computation.outputs), runner(*inputs.values()), strict=True))
    states = {item.name: outputs[item.becomes] for item in computation.inputs if isinstance(item, StateInput)}
    return {**inputs, **states, "position": np.asarray(pieces.chunk, np.int64)}


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
