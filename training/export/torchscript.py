"""Computation → TorchScript, the second format: deprecated by PyTorch since 2.9 and without a safe loader, so a service
reads it only where its operator allows that. This module is the only one that touches ``torch.jit``.
"""

import io
import warnings

import numpy as np
import torch

from training.export.graphs import Computation


def to_torchscript(computation: Computation) -> bytes:
    """A serialised traced module; batch axis free."""
    example = computation.example(3, torch.Generator().manual_seed(0))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the deprecation is known, and said above
        traced = torch.jit.freeze(torch.jit.trace(computation.module, example, check_trace=False))
        buffer = io.BytesIO()
        torch.jit.save(traced, buffer)
    return buffer.getvalue()


class TorchScriptRunner:
    """Runs a serialised module on the CPU: arrays in, arrays out, in order."""

    def __init__(self, module: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._module = torch.jit.load(io.BytesIO(module), map_location="cpu")

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """The outputs for these inputs."""
        with torch.no_grad():
            results = self._module(*map(torch.from_numpy, arrays))
        return [result.numpy() for result in results]
