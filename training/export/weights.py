"""What is done to the weights of a fitted family once, before it is evaluated and exported."""

import torch
from torch import nn
from torch.nn.utils import parametrize

from training.zoo.base import Family

_MIN_ELEMENTS = 1024


def bake(family: Family) -> None:
    """Replaces parametrised weights (masks) by their values, in place."""
    for module in family.modules():
        if parametrize.is_parametrized(module):
            for name in list(module.parametrizations):
                parametrize.remove_parametrizations(module, name, leave_parametrized=True)


def round_to_half(family: Family) -> None:
    """Rounds large float32 weights to the nearest float16, in place, so that storing them as such loses nothing."""
    for parameter in family.parameters():
        if parameter.dtype == torch.float32 and parameter.numel() >= _MIN_ELEMENTS:
            parameter.data = parameter.data.half().float()


def without_training_parts(family: Family) -> nn.Module:
    """The family in evaluation mode, gradients off."""
    return family.eval().requires_grad_(False)
