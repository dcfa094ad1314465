"""What all statistics together cost: the whole score graph against the part of it that log_prob alone needs."""

import tempfile
import time
from pathlib import Path

import numpy as np
import onnx.utils
import onnxruntime

from benchmarks.bundles import golden, open_bundle
from benchmarks.table import Row
from pofx import bundle

ITEMS, BATCH, REPEATS = 1000, 250, 9


def measure(store: Path) -> list[Row]:
    """Processor seconds for 1,000 items, with one thread, for every model with more than one statistic."""
    rows = []
    for name in bundle.Store(store).names():
        opened = open_bundle(store, name)
        score = opened.manifest.score
        if score is not None and len(score.statistics) > 1 and opened.manifest.dims < ITEMS:
            rows += _rows(opened, [item.name for item in score.statistics])
    return rows


def _rows(opened: bundle.Bundle, statistics: list[str]) -> list[Row]:
    whole, bare = _sessions(opened)
    inputs = {key.removeprefix("score.in."): value for key, value in golden(opened).items() if ".in." in key}
    data = np.resize(inputs[opened.manifest.input.kind], (ITEMS, *opened.manifest.input.shape))
    seconds: dict[str, list[float]] = {"log_prob": [], "all": []}
    for _ in range(REPEATS):
        for key, session, outputs in (("log_prob", bare, ["log_prob"]), ("all", whole, statistics)):
            shared = {item.name: inputs[item.name] for item in session.get_inputs()[1:]}
            seconds[key].append(_run(session, outputs, {opened.manifest.input.kind: data}, shared))
    ratios = tuple(a / b for a, b in zip(seconds["all"], seconds["log_prob"], strict=True))
    note = f"{len(statistics)} statistics"
    return [
        Row(f"{opened.manifest.reference}: log_prob alone", tuple(seconds["log_prob"]), "s"),
        Row(f"{opened.manifest.reference}: all statistics", ratios, "× as long", note),
    ]


def _run(session: onnxruntime.InferenceSession, outputs: list[str], data: dict, shared: dict) -> float:
    started = time.process_time()
    for start in range(0, ITEMS, BATCH):
        session.run(outputs, {key: items[start : start + BATCH] for key, items in data.items()} | shared)
    return time.process_time() - started


def _sessions(opened: bundle.Bundle) -> tuple[onnxruntime.InferenceSession, onnxruntime.InferenceSession]:
    """The whole score graph, and what of it log_prob depends on."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    content = opened.read_bytes(opened.manifest.graphs["score"].files["onnx"])
    model = onnx.load_from_string(content)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "whole.onnx", Path(folder) / "bare.onnx"
        source.write_bytes(content)
        onnx.utils.extract_model(str(source), str(target), [item.name for item in model.graph.input], ["log_prob"])
        return tuple(onnxruntime.InferenceSession(str(path), options) for path in (source, target))
