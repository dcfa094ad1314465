"""What is done to the weights of a fitted family once, before it is evaluated and exported."""

import torch
from torch import nn

from training.zoo.base import Family

_MIN_ELEMENTS = 1024


def round_to_half(family: Family) -> None:
    """Rounds large float32 weights to the nearest float16, in place, so that storing them as such loses nothing."""
    for parameter in family.parameters():
        if parameter.dtype == torch.float32 and parameter.numel() >= _MIN_ELEMENTS:
            parameter.data = parameter.data.half().float()


def without_training_parts(family: Family) -> nn.Module:
    """The family in evaluation mode, gradients off."""
    return family.eval().requires_grad_(False)
