"""Graphs and items for measurements, straight from the store."""

import io
from pathlib import Path

import numpy as np
import onnxruntime

from pofx import bundle


def open_bundle(store: Path, name: str) -> bundle.Bundle:
    """The latest verified version of a bundle."""
    return bundle.read(bundle.Store(store).locate(bundle.Reference.parse(name)))


def session(opened: bundle.Bundle, graph: str, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session for one graph on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    file = opened.manifest.graphs[graph].files["onnx"]
    return onnxruntime.InferenceSession(opened.read_bytes(file), options, providers=["CPUExecutionProvider"])


def golden(opened: bundle.Bundle) -> dict[str, np.ndarray]:
    """The golden arrays: real items among them."""
    return dict(np.load(io.BytesIO(opened.read_bytes(opened.manifest.golden.file)), allow_pickle=False))


def images(opened: bundle.Bundle, count: int) -> np.ndarray:
    """Real images of the golden vectors, repeated with a shift so that they differ, uint8 (count, height, width, 1)."""
    real = golden(opened)["score.in.image"]
    return np.stack([np.roll(real[index % len(real)], index % 5 - 2, axis=1) for index in range(count)])
