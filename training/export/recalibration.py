"""A bundle and normal items → its next version, calibrated on them; no run folder, no recipe and no training."""

import datetime
import io
from pathlib import Path

import numpy as np

import bundle
from training.batches import chunk
from training.calibrate import Scorer, Values, calibrate, scorer_of
from training.errors import DataError, ExportError
from training.export.golden import as_npz
from training.export.items import read_items
from training.export.noise import draw_shared
from training.export.onnx import OnnxRunner

_LEVELS = 256  # a manifest does not say how many values a dimension has; this many at most


def recalibrate(store: bundle.Store, reference: str, path: Path, data: str, labels: str | None = None) -> bundle.Bundle:
    """The new version, verified, in the store; DataError names the item that cannot be normal.

    Items with labels (``labels`` says where they are, see ``read_items``) are calibrated per label as well.
    """
    source = bundle.read(store.locate(bundle.Reference.parse(reference)))
    score = bundled_scorer(source)
    items = read_items(path, source.manifest.input, labels)
    if len(items) < bundle.LEAST_ITEMS:
        raise DataError(
            f"{path}: expected at least {bundle.LEAST_ITEMS} normal items to calibrate on, got {len(items)}"
        )
    found = score(items.x)
    _check_finite(path, found)
    today = datetime.datetime.now(datetime.UTC).date()
    values = calibrate(found, items.labels.places)
    incomplete = int(np.isnan(items.x).any(1).sum()) if source.manifest.input.kind == "row" else 0
    same = _same_values(source, calibrate(found))
    new = bundle.NewCalibration(as_npz(values), len(items), data, today, incomplete, items.labels.counts, same)
    return _written(store, source, new)


def bundled_scorer(source: bundle.Bundle) -> Scorer:
    """Raw items → the statistics of the bundle, by its own score graph exactly as the service does."""
    declared = source.manifest.score
    if declared is None:
        raise ExportError(f"{source.manifest.reference} has no score, so there is nothing to calibrate")
    graph = source.manifest.graphs[declared.graph]
    if "onnx" not in graph.files:
        raise ExportError(f"{source.manifest.reference} has no ONNX graph to score with; export it with that format")
    run, size = OnnxRunner(source.read_bytes(graph.files["onnx"])), chunk(source.manifest.dims, _LEVELS)
    shared = {item.name: draw_shared(item, declared.noise_seed) for item in graph.inputs if item.role == "noise"}
    outputs, wanted = ([item.name for item in items] for items in (graph.outputs, declared.statistics))
    return scorer_of(lambda raw: run(*(_array(item, raw, shared) for item in graph.inputs)), outputs, wanted, size)


def _array(item: bundle.GraphInput, part: np.ndarray, shared: dict[str, np.ndarray]) -> np.ndarray:
    """What an input of the score graph gets: the items, their noise, or an option at its default."""
    if item.role == "noise":
        return shared[item.name]
    return np.full(len(part), item.default, item.dtype) if item.role == "option" else part


def _check_finite(path: Path, found: Values) -> None:
    for name, values in found.items():
        if not np.isfinite(values).all():
            index = int(np.argmin(np.isfinite(values)))
            raise DataError(
                f"{path}: item {index}: expected a finite {name}, got {values[index]:g}; leave out items the model "
                "finds impossible"
            )


def _same_values(source: bundle.Bundle, ranked: Values) -> bool:
    """Whether the bundle was calibrated on exactly these values before."""
    assert source.manifest.score is not None  # noqa: S101 - it was scored with
    with np.load(io.BytesIO(source.read_bytes(source.manifest.score.calibration.file)), allow_pickle=False) as before:
        return all(name in before and np.array_equal(before[name], values) for name, values in ranked.items())


def _written(store: bundle.Store, source: bundle.Bundle, new: bundle.NewCalibration) -> bundle.Bundle:
    try:
        return bundle.write(store, source.manifest.name, *bundle.recalibrated(source, new))
    except OSError as error:
        raise ExportError(f"{store.root}: cannot write a new version: {error.strerror or error}") from error
