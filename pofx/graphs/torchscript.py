"""TorchScript: for bundles whose graphs cannot be ONNX. The only file that imports torch.

A TorchScript file can run any code, so the registry imports this module only if the operator allowed it.
"""

import io
import warnings

import torch

from pofx import bundle
from pofx.graphs.graph import Device, DeviceUnavailable
from pofx.rules.arrays import Array, Arrays


class TorchScriptGraph:
    """A module loaded from verified bytes; called with the inputs in the order of the manifest."""

    runtime = "torchscript"

    def __init__(self, content: bytes, spec: bundle.Graph, device: Device) -> None:
        if device.kind == "cuda" and not torch.cuda.is_available():
            raise DeviceUnavailable("expected a CUDA device, torch finds none; set SERVICE_DEVICE=cpu")
        torch.set_num_threads(device.intra_op_threads)
        self.provider: str = device.kind
        self._inputs = tuple(item.name for item in spec.inputs)
        self._outputs = tuple(item.name for item in spec.outputs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch announces the end of TorchScript at each load
            self._module = torch.jit.load(  # type: ignore[no-untyped-call]
                io.BytesIO(content), map_location=device.kind
            ).eval()

    def run(self, arrays: Arrays, wanted: tuple[str, ...]) -> dict[str, Array]:
        """The wanted outputs, by name."""
        with torch.inference_mode():
            tensors = [torch.tensor(arrays[name], device=self.provider) for name in self._inputs]
            result = self._module(*tensors)
        results = result if isinstance(result, tuple) else (result,)
        named = dict(zip(self._outputs, results, strict=True))
        return {name: named[name].cpu().numpy() for name in wanted}
