"""A loop of fixed length over positions, as sequential samplers need it: one ONNX ``Scan`` when exported.

This is the only file that touches torch's private ``scan`` operator; torch is pinned because of it. Everywhere else
(eagerly, and while TorchScript traces, which unrolls it) the same step runs in a Python loop, so that the parity check
of an export compares the operator with the loop it stands for.

A step is a pure function ``(carry, inputs) → (carry, output)`` on tensors: no in-place change, no output that is an
input or a view of one (clone it), carried shapes and types constant, positions read with ``index_select``.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan as _scan

Carry = TypeVar("Carry", Tensor, tuple[Tensor, ...])


def scan(
    step: Callable[[Carry, tuple[Tensor, ...]], tuple[Carry, Tensor]], carry: Carry, inputs: tuple[Tensor, ...]
) -> Tensor:
    """The outputs of all steps, stacked along a new first axis; every input is walked along its first axis.

    What is carried is a tensor or a tuple of them. A step may hold a loop of its own.
    """
    return scan_to_end(step, carry, inputs)[1]


def scan_to_end(
    step: Callable[[Carry, tuple[Tensor, ...]], tuple[Carry, Tensor]], carry: Carry, inputs: tuple[Tensor, ...]
) -> tuple[Carry, Tensor]:
    """What the last step hands on, and the outputs of all."""
    if torch.compiler.is_exporting():
        return _scan(step, carry, inputs, dim=0)
    outputs = []
    # unbind, because the gradient of indexing would be a tensor of all positions at every position
    for current in zip(*(item.unbind(0) for item in inputs), strict=True):
        carry, output = step(carry, current)
        outputs.append(output)
    return carry, torch.stack(outputs)
