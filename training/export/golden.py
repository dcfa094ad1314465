"""Golden vectors: inputs and expected outputs that a service must reproduce before it becomes ready."""

import numpy as np
import torch

from pofx.bundle import ConditionInput, DataInput, GraphInput, NoiseInput
from pofx.rules.noise import draw_shared
from pofx.use.calibrate import as_npz
from training.export.graphs import Computation
from training.export.parity import Runner

ROWS = 4


def golden(graphs: dict[str, Computation], runners: dict[str, Runner], raw: np.ndarray, noise_seed: int) -> bytes:
    """An npz archive with ``<graph>.in.<name>`` and ``<graph>.out.<name>``; data inputs are real items.

    ``raw`` is complete; where a graph takes rows that miss values, one does.
    """
    arrays: dict[str, np.ndarray] = {}
    generator = torch.Generator().manual_seed(4)
    items = raw[np.arange(ROWS) % len(raw)]
    for name, computation in graphs.items():
        fresh = computation.example(ROWS, generator)
        given = _with_gaps(items) if computation.marginal else items
        inputs = [
            _input(item, array.numpy(), given, noise_seed)
            for item, array in zip(computation.inputs, fresh, strict=True)
        ]
        for item, array in zip(computation.inputs, inputs, strict=True):
            arrays[f"{name}.in.{item.name}"] = array
        for output, value in zip(computation.outputs, runners[name](*inputs), strict=True):
            arrays[f"{name}.out.{output.name}"] = value
    return as_npz(arrays)


def _with_gaps(items: np.ndarray) -> np.ndarray:
    """The same with every other value of the last row missing."""
    items = items.copy()
    items[-1, ::2] = np.nan
    return items


def _input(item: GraphInput, fresh: np.ndarray, items: np.ndarray, noise_seed: int) -> np.ndarray:
    if isinstance(item, DataInput) or (isinstance(item, ConditionInput) and item.of == "known"):
        return items
    if isinstance(item, NoiseInput) and "batch" not in item.shape:
        return draw_shared(item, noise_seed)
    return fresh
