"""What every runtime offers: a pure function of named arrays."""

from dataclasses import dataclass
from typing import Literal, Protocol

from pofx.rules.arrays import Array, Arrays


class Graph(Protocol):
    """A loaded graph; ``run`` may be called from several threads at once."""

    runtime: str
    provider: str

    def run(self, arrays: Arrays, wanted: tuple[str, ...]) -> dict[str, Array]:
        """The wanted outputs, by name."""
        ...


@dataclass(frozen=True)
class Device:
    """Where and how wide graphs run; memory in MiB, 0 for no limit."""

    kind: Literal["cpu", "cuda"] = "cpu"
    intra_op_threads: int = 1
    cuda_memory_mib: int = 0


class DeviceUnavailable(Exception):
    """The runtime cannot use the device that was asked for."""


class GraphMismatch(Exception):
    """A graph file takes or returns other arrays than its manifest says."""
