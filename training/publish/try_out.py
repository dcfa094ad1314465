"""What is written must be served: a new bundle is opened by the library, and used once in every way it offers."""

from collections.abc import Callable

import numpy as np

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.graphs.loading import load, runtime_of
from pofx.kinds.decoded import Decoded
from pofx.rules.outputs import map_kind
from pofx.use import decode, encode, generate, score
from pofx.use.generate import GenerateAsked
from pofx.use.score import ScoreAsked
from pofx.use.steps import run
from training.errors import ExportError


def try_out(source: bundle.Bundle, item: np.ndarray) -> None:
    """Opens a bundle with the checks of a service and gives it one item, (1, …); ExportError where it is refused.

    The service refuses TorchScript unless it is allowed; where a bundle has nothing else, it is allowed here.
    """
    only_torchscript = any("onnx" not in graph.files for graph in source.manifest.graphs.values())
    try:
        model = load(source, runtime_of(allow_torchscript=only_torchscript, parallel_runs=1))
        for use in _uses(model, item):
            use()
    except Exception as error:  # whatever it is, the service would refuse too
        raise ExportError(f"{source.manifest.reference} would not be served, so it is not written: {error}") from error


def _uses(model: LoadedModel, item: np.ndarray) -> list[Callable[[], object]]:
    """Everything the model offers, once."""
    manifest, found = model.manifest, []
    if manifest.score is not None:
        explained = map_kind(manifest.graphs[manifest.score.graph]) is not None
        found.append(lambda: run(score.plan(model, ScoreAsked(explain=explained)).begin(Decoded(item))))
    if manifest.generate is not None:
        found.append(lambda: run(generate.plan(model, GenerateAsked(1, 0)).begin()))
    if manifest.encode is not None:
        found.append(lambda: run(encode.plan(model).begin(Decoded(item))))
    if manifest.decode is not None and manifest.encode is not None:
        codes = np.zeros((1, manifest.encode.dims), np.float32)
        found.append(lambda: run(decode.plan(model).begin(codes, np.asarray)))
    return found
