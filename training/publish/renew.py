"""A bundle's sampler exported anew, with the weights that the bundle has: what this software says of it has changed.

Scores, calibration, numbers and pictures stay as they are, byte for byte. The weights come out of the graphs; that they
are the right ones is shown by the score of the golden items, and that the new sampler is the old one by samples that
are the same bit for bit.
"""

from collections.abc import Mapping

import numpy as np
import torch

from pofx import bundle
from pofx.graphs.golden import load_arrays
from pofx.rules.outputs import LOG_PROB, golden_input, golden_output
from pofx.use.calibrate import as_npz
from training import recipe as recipes
from training.errors import ExportError
from training.export.export import file_name
from training.export.graphs import Computation, computations
from training.export.onnx import OnnxRunner, to_onnx
from training.export.parity import Runner, check_parity
from training.export.weights import weights_in
from training.finish import Say
from training.publish.golden import steps
from training.publish.manifest import GOLDEN, golden_tolerance, graph_spec
from training.publish.try_out import try_out
from training.scoring import Scoring
from training.transforms import TRANSFORMS, DataFacts, Transform
from training.zoo import FAMILIES
from training.zoo.base import Density, Facts, Family, SequentialSampler

_GENERATE = "generate"
_ROWS = 8


def renew(source: bundle.Bundle, store: bundle.Store, say: Say) -> bundle.Bundle:
    """The next version, whose sampler draws in steps; ExportError where it would draw anything else."""
    stored = load_arrays(source.read_bytes(source.manifest.golden.file))
    family, transform = _restored(source, stored)
    step = computations(family, transform)[_GENERATE]
    model = to_onnx(step, half_weights=_recipe(source).export.weights == "float16")
    runner = OnnxRunner(model)
    check_parity(_GENERATE, step, runner)
    _check_samples(source, step, runner)
    say(f"{source.manifest.reference}: the same samples in {len(step.pieces.starts)} steps of {step.pieces.chunk}")
    golden = _golden(stored, step, runner)
    files = {name: source.read_bytes(name) for name in source.manifest.files}
    files |= {file_name(_GENERATE, "onnx"): model, GOLDEN: golden}
    item = next(stored[golden_input("score", one.name)] for one in source.manifest.graphs["score"].inputs)[:1]
    body = _body(source.manifest, step)
    return bundle.write(store, source.manifest.name, body, files, check=lambda new: try_out(new, item))


def _recipe(source: bundle.Bundle) -> recipes.Recipe:
    return recipes.parse(source.read_bytes("recipe.toml").decode(), f"recipe of {source.manifest.reference}")


def _restored(source: bundle.Bundle, stored: Mapping[str, np.ndarray]) -> tuple[Family, Transform]:
    """Family and transform with the weights of the bundle: those that give the golden items their golden scores."""
    manifest, recipe = source.manifest, _recipe(source)
    family, transform = _unfitted(manifest, recipe)
    if not isinstance(family, SequentialSampler) or not isinstance(family, Density) or _sampler(manifest) != "direct":
        raise ExportError(f"{manifest.reference}: expected a sampler that loops and a density, got {manifest.family}")
    graphs = [source.read_bytes(graph.files["onnx"]) for graph in manifest.graphs.values()]
    for state in weights_in(graphs, transform, "module.transform"):
        transform.load_state_dict(state, strict=False)
    for state in weights_in(graphs, family, "module.family"):
        family.load_state_dict(state, strict=False)
        if _scores(family, transform, stored, manifest.golden.tolerances["score"]):
            return family, transform
    raise ExportError(f"{manifest.reference}: its weights, as far as they are found, do not give its golden scores")


def _sampler(manifest: bundle.Manifest) -> str | None:
    return manifest.generate and manifest.generate.method


def _unfitted(manifest: bundle.Manifest, recipe: recipes.Recipe) -> tuple[Family, Transform]:
    spec = manifest.input
    counts = tuple(len(column.categories) for column in spec.columns) if spec.kind == "row" else ()
    alphabet = spec.alphabet if spec.kind == "text" else ""
    data = DataFacts(spec.kind, spec.shape, alphabet, counts if any(counts) else ())
    transform = TRANSFORMS[recipe.transform_name](data, recipe.transform)
    classes = len(manifest.generate.labels) if manifest.generate else 0
    facts = Facts(transform.event_shape, transform.space, transform.levels, transform.end, classes)
    torch.manual_seed(recipe.seed)
    family = FAMILIES[recipe.family_name](facts, recipe.family)
    family.compact()
    return family.eval().requires_grad_(requires_grad=False), transform.eval()


def _scores(family: Family, transform: Transform, stored: Mapping[str, np.ndarray], like: bundle.Tolerance) -> bool:
    scoring = Scoring(family, transform).eval()
    items = torch.from_numpy(stored[golden_input("score", transform.raw)])
    with torch.no_grad():
        _, said = scoring.said(items, *scoring.shared_noise())
    want = stored[golden_output("score", LOG_PROB)]
    return np.allclose(said[LOG_PROB].numpy(), want, rtol=like.rtol, atol=like.atol)


def _check_samples(source: bundle.Bundle, step: Computation, runner: Runner) -> None:
    """Fresh noise, every option and condition; the old sampler draws all positions in one call."""
    old = OnnxRunner(source.read_bytes(source.manifest.graphs[_GENERATE].files["onnx"]))
    arrays = [array.numpy() for array in step.example(_ROWS, torch.Generator().manual_seed(21))]
    asked = len(source.manifest.graphs[_GENERATE].inputs)
    want = old(*arrays[:asked])[0]
    for start in step.pieces.starts:
        have, *states = runner(*arrays[:-1], np.asarray(start))
        arrays[asked:-1] = states
    if not np.array_equal(want, have):
        rows = (want != have).reshape(_ROWS, -1).any(1).sum()
        raise ExportError(f"{source.manifest.reference}: drawn in steps, {rows} of {_ROWS} samples are others")


def _golden(stored: Mapping[str, np.ndarray], step: Computation, runner: Runner) -> bytes:
    """Everything as it was, but for the sampler: steps of the rows of which there was a whole sample."""
    kept = {name: array for name, array in stored.items() if not name.startswith(f"{_GENERATE}.")}
    rows = next(len(array) for name, array in stored.items() if name.startswith(f"{_GENERATE}.in."))
    fresh = step.example(rows, torch.Generator().manual_seed(4))
    inputs = {
        item.name: stored.get(golden_input(_GENERATE, item.name), array.numpy())
        for item, array in zip(step.inputs, fresh, strict=True)
    }
    return as_npz(kept | steps(_GENERATE, step, inputs, runner))


def _body(manifest: bundle.Manifest, step: Computation) -> bundle.ManifestBody:
    kept = {name: getattr(manifest, name) for name in bundle.ManifestBody.model_fields}
    told = {"method": "sequential", "positions": step.pieces.positions, "chunk": step.pieces.chunk}
    tolerances = manifest.golden.tolerances | {_GENERATE: golden_tolerance(step)}
    changed = {
        "graphs": manifest.graphs | {_GENERATE: graph_spec(_GENERATE, step, ("onnx",))},
        "generate": manifest.generate.model_copy(update=told),
        "golden": bundle.Golden(file=GOLDEN, tolerances=tolerances),
    }
    return bundle.ManifestBody.model_validate({**kept, **changed})
