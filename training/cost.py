"""What a fit takes, said before it is begun, and refused where the memory of the machine cannot hold it.

A family that is computed says so itself. One that learns by gradient is first built without memory, on the device
``meta``, to count its weights; what a batch leaves for the way back is measured with two items.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from training.errors import TooCostly
from training.memory import available
from training.recipe import Recipe
from training.zoo.base import Computed, Facts, Family, Options

_COPIES = 6  # of every weight: itself, its gradient, two moments, its average, and a checkpoint that is read
_ONNX_BYTES = 1 << 31  # of a file
_BACKWARD = 2  # what is kept for the way back, and as much again on that way


class _Outline(TorchFunctionMode):
    """Weights without values are equal to nothing."""

    def __torch_function__(
        self, function: Callable[..., Any], types: object, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return False if function is torch.equal else function(*args, **(kwargs or {}))


def fit_bytes(family: type[Family], facts: Facts, options: Options, items: int) -> int:
    """Memory in bytes that a fit takes for that many items to fit on and to choose by, without that of a batch.

    Nothing of that size is allocated.
    """
    if issubclass(family, Computed):
        return family.fit_bytes(facts, options, items)
    outline = _outline(family, facts, options)
    return _COPIES * _size(outline.parameters()) + _size(outline.buffers())


def graph_bytes(family: type[Family], facts: Facts, options: Options) -> int:
    """Bytes of weights in the largest graph that is exported."""
    if issubclass(family, Computed):
        return family.graph_bytes(facts, options)
    return _size(_outline(family, facts, options).parameters())


def batch_bytes(family: Family, loss: Callable[[int], Tensor], size: int) -> int:
    """Memory in bytes of one step on a batch; ``loss`` is that of a number of items."""
    was_training = family.training
    family.eval()  # averages over batches are left as they are
    with torch.random.fork_rng(devices=[]):
        one, two = (_kept(family, loss, items) for items in (1, 2))
    family.train(was_training)
    return _BACKWARD * (one + max(two - one, 0) * (size - 1))


def refuse_too_large(recipe: Recipe, family: type[Family], facts: Facts, items: int) -> None:
    """TooCostly that names the option to change, where a fit does not fit into the memory that is left, or its weights
    not into a file.
    """
    left, most = available(), _ONNX_BYTES if "onnx" in recipe.export.formats else None

    def why_not(options: Options) -> str | None:
        needed, written = fit_bytes(family, facts, options, items), graph_bytes(family, facts, options)
        if left is not None and needed > left:
            return (
                f"expected at most {gigabytes(left)} of memory, which is what is available, got a fit that takes "
                f"{gigabytes(needed)}"
            )
        if most is not None and written > most:
            limit = f"{gigabytes(most)}, which is what an ONNX file holds"
            return f"expected weights of at most {limit}, got {gigabytes(written)}"
        return None

    if reason := why_not(recipe.family):
        cheaper = family.cheaper(recipe.family) if issubclass(family, Computed) else ()
        fits = next((options for options in cheaper if why_not(options) is None), None)
        raise TooCostly(f"family {recipe.family_name!r} on {_sized(facts)}: {reason}; {_cure(recipe, fits)}")


def gigabytes(size: float) -> str:
    """Bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def _outline(family: type[Family], facts: Facts, options: Options) -> Family:
    """The family without memory: its weights have shapes and no values."""
    with torch.device("meta"), _Outline():
        return family(facts, options)


def _cure(recipe: Recipe, fits: Options | None) -> str:
    smaller = "make the items smaller (data.size of a folder of images, transform.pool of dequantise)"
    if fits is None:
        return f"no option of {recipe.family_name} makes it fit: {smaller}, or take another family"
    before, after = (options.model_dump(mode="json") for options in (recipe.family, fits))
    changed = [f"--set 'family.{key}={json.dumps(value)}'" for key, value in after.items() if value != before[key]]
    return f"reduce it with {' '.join(changed)}, or {smaller}"


def _sized(facts: Facts) -> str:
    shape = facts.event_shape
    if len(shape) == 3:
        return f"images of {shape[2]} x {shape[1]} x {shape[0]} numbers"
    return f"items of {' x '.join(map(str, shape))} numbers"


def _kept(family: Family, loss: Callable[[int], Tensor], items: int) -> int:
    """Bytes that the way forward keeps for the way back, but for the weights."""
    weights = {weight.untyped_storage().data_ptr() for weight in (*family.parameters(), *family.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}  # held, so that no address stands for two of them

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss(items)
    return sum(storage.nbytes() for storage in kept.values())


def _size(tensors: Iterable[Tensor | nn.Parameter]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
