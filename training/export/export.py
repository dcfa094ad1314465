"""Finished → Exported: every graph in every format of the recipe, each equal to the model it came from."""

from dataclasses import dataclass

from training.export.graphs import Computation, computations
from training.export.onnx import OnnxRunner, to_onnx
from training.export.parity import Runner, check_parity
from training.export.torchscript import TorchScriptRunner, to_torchscript
from training.finish import Finished, Say
from training.prepare import Prepared

_SUFFIXES = {"onnx": "onnx", "torchscript": "ts"}


@dataclass(frozen=True)
class Exported:
    """Graphs by name, their files in every format, and a runner per graph, of the first format."""

    finished: Finished
    graphs: dict[str, Computation]
    files: dict[str, bytes]
    runners: dict[str, Runner]

    @property
    def prepared(self) -> Prepared:
        """What the recipe asked for."""
        return self.finished.prepared


def export(finished: Finished, say: Say) -> Exported:
    """Every graph in every format, each equal to the eager model; ExportError otherwise."""
    options = finished.prepared.recipe.export
    graphs = computations(finished.family, finished.transform, finished.statistics)
    files: dict[str, bytes] = {}
    runners: dict[str, Runner] = {}
    for name, computation in graphs.items():
        for form in options.formats:
            data, runner = _in_format(computation, form, half=options.weights == "float16")
            difference = check_parity(name, computation, runner)
            file = file_name(name, form)
            size = f"{len(data) / 1e6:.2f} MB"
            say(f"{file}: {size}, equal to the model, largest difference {difference:.2g} of the largest value")
            files[file] = data
            runners.setdefault(name, runner)
    return Exported(finished, graphs, files, runners)


def file_name(graph: str, form: str) -> str:
    """``score.onnx`` or ``score.ts``."""
    return f"{graph}.{_SUFFIXES[form]}"


def _in_format(computation: Computation, form: str, *, half: bool) -> tuple[bytes, Runner]:
    if form == "onnx":
        data = to_onnx(computation, half_weights=half)
        return data, OnnxRunner(data)
    data = to_torchscript(computation)
    return data, TorchScriptRunner(data)
