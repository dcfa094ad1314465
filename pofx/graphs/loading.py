"""From a verified bundle to a model ready to serve, or a refusal that says why.

The order is: wiring (do the manifest's words fit together?), graphs, golden self-test, row layout, calibration.
Running the graphs is also the warm-up.
"""

import hashlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pofx import bundle
from pofx.graphs import golden
from pofx.graphs.cores import usable_cores
from pofx.graphs.graph import Device, Graph
from pofx.graphs.held_out import CalibrationRefused, HeldOut, held_out
from pofx.graphs.layout import PROBE_ROWS, Layout, RunRows, find_layout, find_slow_layout
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.onnx import OnnxGraph
from pofx.graphs.probe import probe_rows
from pofx.graphs.residence import Residence
from pofx.graphs.rows import Lanes, RowGraph
from pofx.graphs.wiring import check_wiring
from pofx.rules import noise
from pofx.rules.arrays import Array
from pofx.rules.outputs import golden_input

_SLOW_S = 1.0  # of a golden run, beyond which it serves as probe itself
_PROBE_MFLOP = 2000.0  # a probe of an expensive graph uses fewer rows, so that loading stays a matter of seconds


class BundleRefused(Exception):
    """The bundle is intact but cannot be served with these settings."""


@dataclass(frozen=True)
class Runtime:
    """Where graphs run, which format is preferred, whether TorchScript is allowed, and how many stay in memory."""

    device: Device
    prefer: Literal["onnx", "torchscript"]
    allow_torchscript: bool
    lanes: Lanes
    residence: Residence = field(default_factory=Residence)


def runtime_of(
    device: Device | None = None,
    *,
    prefer: Literal["onnx", "torchscript"] = "onnx",
    allow_torchscript: bool = False,
    parallel_runs: int | None = None,
    memory_mib: int = 0,
) -> Runtime:
    """A runtime with a lane per usable core, unless it is said how many parts of a batch run at once; a GPU has one.

    ``memory_mib`` is the most memory of graphs, about; 0 for no limit.
    """
    where = device or Device()
    count = parallel_runs or (usable_cores() if where.kind == "cpu" else 1)
    lanes = Lanes(count, ThreadPoolExecutor(count, "lane") if count > 1 else None)
    residence = Residence(memory_mib * 1024 * 1024 or None)
    return Runtime(where, prefer, allow_torchscript, lanes, residence)


def load(source: bundle.Bundle, runtime: Runtime) -> LoadedModel:
    """The model of a bundle, self-tested; raises BundleRefused or one of the errors of its steps."""
    check_wiring(source.manifest)
    stored = golden.load_arrays(source.read_bytes(source.manifest.golden.file))
    graphs = {name: _row_graph(source, name, stored, runtime) for name in source.manifest.graphs}
    digest = hashlib.sha256((source.folder / bundle.MANIFEST_FILE).read_bytes()).hexdigest()
    return LoadedModel(source, digest, graphs, _held_out(source))


def _row_graph(source: bundle.Bundle, name: str, stored: Mapping[str, Array], runtime: Runtime) -> RowGraph:
    spec = source.manifest.graphs[name]
    graph = _hosted(source, spec, runtime)
    started = time.monotonic()
    outputs = golden.check(stored, name, spec, graph, source.manifest.golden.tolerances[name])
    slow = time.monotonic() - started > _SLOW_S
    shared = _shared_noise(source.manifest, name, stored)
    probed = RowGraph(spec, graph, runtime.lanes, shared)
    layout = _find_layout(probed, golden.inputs_of(stored, name, spec)[-1], outputs if slow else None)
    return RowGraph(spec, graph, runtime.lanes, shared, layout)


def _hosted(source: bundle.Bundle, spec: bundle.Graph, runtime: Runtime) -> Graph:
    """The graph in the format that is wanted and allowed."""
    chosen = runtime.prefer if runtime.prefer in spec.files else next(iter(spec.files))
    if chosen == "torchscript" and not runtime.allow_torchscript:
        if "onnx" not in spec.files:
            raise BundleRefused("only TorchScript files, which can run any code; set SERVICE_ALLOW_TORCHSCRIPT=true")
        chosen = "onnx"
    file = spec.files[chosen]
    return runtime.residence.host(
        lambda: _open(chosen, source.read_bytes(file), spec, runtime.device), source.manifest.files[file].size
    )


def _open(chosen: str, content: bytes, spec: bundle.Graph, device: Device) -> Graph:
    if chosen == "onnx":
        return OnnxGraph(content, spec, device)
    from pofx.graphs.torchscript import TorchScriptGraph  # torch is optional, and slow to import

    return TorchScriptGraph(content, spec, device)


def _shared_noise(manifest: bundle.Manifest, name: str, stored: Mapping[str, Array]) -> dict[str, Array]:
    seed = manifest.score.noise_seed if manifest.score is not None else 0
    shared = {
        item.name: noise.draw_shared(item, seed)
        for item in manifest.graphs[name].inputs
        if item.role == "noise" and "batch" not in item.shape
    }
    for key, array in shared.items():
        stored_as = golden_input(name, key)
        if not np.array_equal(array, stored[stored_as]):
            raise BundleRefused(f"{stored_as}: the golden noise is not the one drawn from seed {seed} here")
    return shared


def _find_layout(graph: RowGraph, inputs: Mapping[str, Array], slow: dict[str, Array] | None) -> Layout | None:
    """``slow`` holds the outputs for the golden inputs if they took long."""
    if slow is not None:
        return find_slow_layout(_probe(graph, inputs, _rows(slow)), slow)
    rows = max(4, min(PROBE_ROWS, int(_PROBE_MFLOP / graph.spec.mflop_per_row)))
    return find_layout(_probe(graph, inputs, rows), rows)


def _probe(graph: RowGraph, inputs: Mapping[str, Array], rows: int) -> RunRows:
    """Runs some of that many rows, all of them different, or the golden ones where those are enough."""
    golden_rows = next((len(inputs[item.name]) for item in graph.spec.inputs if "batch" in item.shape), rows)
    probe = probe_rows(graph.spec, inputs, rows)
    if rows <= golden_rows:
        probe = {name: inputs[name][:rows] for name in probe}
    wanted = tuple(item.name for item in graph.spec.outputs)
    position = golden.position_of(inputs, graph.spec)

    def run(layout: Layout, start: int, stop: int) -> dict[str, Array]:
        part = {name: array[start:stop] for name, array in probe.items()}
        return graph.run_in_layout(layout, part, wanted, position)

    return run


def _rows(arrays: Mapping[str, Array]) -> int:
    return len(next(iter(arrays.values())))


def _held_out(source: bundle.Bundle) -> HeldOut:
    score = source.manifest.score
    if score is None:
        return HeldOut()
    try:
        return held_out(score, golden.load_arrays(source.read_bytes(score.calibration.file)))
    except CalibrationRefused as error:
        raise BundleRefused(str(error)) from error
