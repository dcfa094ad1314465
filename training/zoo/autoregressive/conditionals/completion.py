"""Known dimensions inside a loop over positions."""

import torch
from torch import Tensor

from training.zoo.base import Known


def in_order(known: Known | None, order: Tensor) -> tuple[Tensor, ...]:
    """What a loop walks along to keep known dimensions: values and mask, (dims, batch) in order; nothing if there are
    none.
    """
    if known is None:
        return ()
    return tuple(array.flatten(1)[:, order].T.contiguous() for array in (known.x, known.mask))


def keep(drawn: Tensor, *given: Tensor) -> Tensor:
    """What was drawn at a position, unless its value and mask say that it is known; all (batch,)."""
    if not given:
        return drawn
    value, mask = given
    return torch.where(mask, value, drawn)
