"""Weights out of the graphs of a bundle, for a family whose run folder is gone.

The exporter keeps the names of most weights. Some it folds into constants without one, transposed or with axes of one
more; those are found by their shape. Where several fit, the caller says which is right.
"""

from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from training.errors import ExportError

_CASES = 64
_HALF = "_half"
Weights = dict[str, Tensor]


def weights_in(graphs: Iterable[bytes], module: nn.Module, place: str) -> Iterator[Weights]:
    """Everything that the parameters of a module can have been, float32; buffers where they are named.

    ``place`` is the name of the module in the graphs. ExportError for a parameter that is nowhere, or in many places.
    """
    named, nameless = _constants(graphs)
    buffers = {name: like for name, like in module.named_buffers() if f"{place}.{name}" in named}
    known = {name: _named(named, f"{place}.{name}", like) for name, like in buffers.items()}
    choices = {name: _choices(named, nameless, f"{place}.{name}", like) for name, like in module.named_parameters()}
    if (lost := [name for name, found in choices.items() if not found]) or _count(choices) > _CASES:
        raise ExportError(f"expected every weight in the graphs, got none for certain: {', '.join(lost or choices)}")
    for chosen in product(*choices.values()):
        yield known | dict(zip(choices, chosen, strict=True))


def _constants(graphs: Iterable[bytes]) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Those with the name of a weight, and the others."""
    named: dict[str, np.ndarray] = {}
    nameless = []
    for content in graphs:
        for item in onnx.load_model_from_string(content).graph.initializer:
            if item.name.startswith("module."):
                named[item.name.removesuffix(_HALF)] = numpy_helper.to_array(item)
            else:
                nameless.append(numpy_helper.to_array(item))
    return named, nameless


def _choices(named: dict[str, np.ndarray], nameless: list[np.ndarray], name: str, like: Tensor) -> list[Tensor]:
    if name in named:
        return [_named(named, name, like)]
    found: list[Tensor] = []
    for array in nameless:
        for values in _readings(array, like):
            if not any(torch.equal(values, other) for other in found):
                found.append(values)
    return found


def _named(named: dict[str, np.ndarray], name: str, like: Tensor) -> Tensor:
    array = named[name]
    if array.shape != like.shape:
        raise ExportError(f"{name}: expected the shape {tuple(like.shape)} of the recipe, got {array.shape}")
    return torch.from_numpy(array.copy()).to(like.dtype)


def _readings(array: np.ndarray, like: Tensor) -> Iterator[Tensor]:
    """A constant as that parameter: transposed, as linear layers have it in a graph, or as it is."""
    if array.dtype.kind != "f" or array.size != like.numel():
        return
    plain = array.squeeze()
    for turned in (plain.T, plain):
        if turned.shape == like.squeeze().shape:
            yield torch.from_numpy(turned.reshape(like.shape).copy()).to(like.dtype)


def _count(choices: dict[str, list[Tensor]]) -> int:
    return int(np.prod([len(found) for found in choices.values()]))
