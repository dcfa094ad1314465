"""Computation → ONNX, by torch's dynamo exporter; weights inside the file, batch axis free, opset 20."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from training.errors import ExportError
from training.export.graphs import Computation

OPSET = 20  # ONNX Runtime lacks some operators of later sets on the CPU
_RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}
_MIN_HALF_ELEMENTS = 1024


def to_onnx(computation: Computation, *, half_weights: bool) -> bytes:
    """A serialised model; with ``half_weights`` large weights that float16 holds exactly are stored as such."""
    example = computation.example(3, torch.Generator().manual_seed(0))
    batch = torch.export.Dim("batch", min=1)
    shapes = tuple({0: batch} if item.shape[:1] == ("batch",) else None for item in computation.inputs)
    with _quiet():
        program = torch.onnx.export(
            _Positional(computation.module),
            example,
            dynamo=True,
            input_names=[item.name for item in computation.inputs],
            output_names=[item.name for item in computation.outputs],
            dynamic_shapes={"arrays": shapes},
            opset_version=OPSET,
            external_data=False,
        )
    model = program.model_proto
    _refuse_random_operators(model)
    _strip(model)
    if half_weights:
        _store_as_half(model)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


class _Positional(torch.nn.Module):
    """Any module behind one signature, so that dynamic shapes can be given by position."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *arrays: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.module(*arrays)


class OnnxRunner:
    """Runs a serialised model on the CPU: arrays in the order of the inputs, arrays in the order of the outputs."""

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._names = [item.name for item in self._session.get_inputs()]

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """The outputs for these inputs."""
        return self._session.run(None, dict(zip(self._names, arrays, strict=True)))


def _refuse_random_operators(model: onnx.ModelProto) -> None:
    found = {node.op_type for node in model.graph.node} & _RANDOM
    if found:
        raise ExportError(f"random operators {', '.join(sorted(found))} in the graph; noise must be an input")


def _strip(model: onnx.ModelProto) -> None:
    """Removes source locations and traces: they name files of the machine that exported, and fill megabytes."""
    for part in (model, *model.functions, *(part for graph in _graphs(model.graph) for part in _parts(graph))):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and the bodies of its loops."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _graphs(attribute.g)


def _parts(graph: onnx.GraphProto) -> list[Any]:
    graph.ClearField("value_info")
    return [graph, *graph.node, *graph.initializer, *graph.input, *graph.output]


def _store_as_half(model: onnx.ModelProto) -> None:
    """Large float32 weights as float16 with a cast behind them, where that loses nothing."""
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < _MIN_HALF_ELEMENTS:
            continue
        half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    model.graph.ClearField("node")
    model.graph.node.extend(nodes)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter reports its steps on standard output and warns about its own internals."""
    loggers = [logging.getLogger(name) for name in ("onnxscript", "torch.onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
