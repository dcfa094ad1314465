"""ONNX Runtime: the default runtime, and the only one the service needs."""

import onnxruntime

from pofx import bundle
from pofx.graphs.graph import Device, DeviceUnavailable, GraphMismatch
from pofx.graphs.memory import share_arena
from pofx.rules.arrays import Array, Arrays

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_TYPES = {
    "uint8": "tensor(uint8)",
    "int16": "tensor(int16)",
    "int64": "tensor(int64)",
    "float32": "tensor(float)",
    "float64": "tensor(double)",
}


class OnnxGraph:
    """A session made from verified bytes, never from a path."""

    runtime = "onnxruntime"

    def __init__(self, content: bytes, spec: bundle.Graph, device: Device) -> None:
        self._session = _session(content, device)
        self.provider = self._session.get_providers()[0]
        if self.provider != _PROVIDERS[device.kind]:
            raise DeviceUnavailable(
                f"expected {_PROVIDERS[device.kind]}, got {self.provider}; "
                f"set SERVICE_DEVICE=cpu or install a runtime for {device.kind}"
            )
        _check(self._session.get_inputs(), spec.inputs, "input")
        _check(self._session.get_outputs(), spec.outputs, "output")

    def run(self, arrays: Arrays, wanted: tuple[str, ...]) -> dict[str, Array]:
        """The wanted outputs, by name."""
        return dict(zip(wanted, self._session.run(wanted, arrays), strict=True))


def _session(content: bytes, device: Device) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = device.intra_op_threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # patterns are kept per shape, and batch sizes vary without end
    options.log_severity_level = 3
    share_arena(options)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if device.kind not in _PROVIDERS or _PROVIDERS[device.kind] not in onnxruntime.get_available_providers():
        raise DeviceUnavailable(f"this ONNX Runtime has no {_PROVIDERS[device.kind]}; install onnxruntime-gpu")
    return onnxruntime.InferenceSession(content, options, providers=[(_PROVIDERS[device.kind], _options(device))])


def _options(device: Device) -> dict[str, str]:
    if device.kind == "cpu":
        return {}
    memory = {"gpu_mem_limit": str(device.cuda_memory_mib * 1024 * 1024)} if device.cuda_memory_mib else {}
    return {"arena_extend_strategy": "kSameAsRequested", **memory}


def _check(found: list[onnxruntime.NodeArg], specs: tuple[bundle.ArraySpec, ...], what: str) -> None:
    types = {arg.name: arg.type for arg in found}
    for spec in specs:
        if types.get(spec.name) != _TYPES[spec.dtype]:
            raise GraphMismatch(f"{what} {spec.name!r}: expected {_TYPES[spec.dtype]}, got {types.get(spec.name)}")
    if what == "input" and (unlisted := set(types) - {spec.name for spec in specs}):
        raise GraphMismatch(f"inputs that are not in the manifest: {', '.join(sorted(unlisted))}")
