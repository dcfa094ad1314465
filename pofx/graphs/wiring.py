"""Whether the parts of a manifest fit together as this software uses them."""

import math
from collections.abc import Iterable

from pofx import bundle
from pofx.rules.condition_arrays import array_of
from pofx.rules.known import positions
from pofx.rules.maps import can_be_scaled
from pofx.rules.outputs import EMBEDDING, LOG_PROB, MAP_KINDS

Array = tuple[str, tuple[int | str, ...]]
"""Dtype and shape."""


class WiringRefused(Exception):
    """A use names an array its graph does not have, or needs an input this software cannot fill."""


def check_wiring(manifest: bundle.Manifest) -> None:
    """Raises WiringRefused that names use, graph and array."""
    if manifest.generate is not None:
        _check_generate(manifest, manifest.generate)
    if manifest.score is not None:
        _check_score(manifest, manifest.score)
    if manifest.encode is not None:
        _check_data_graph(manifest, "encode", manifest.encode.graph, _array_of(manifest.input))
        _check_outputs(manifest, "encode", manifest.encode.graph, [EMBEDDING])
    if manifest.encode is not None and manifest.decode is not None:
        _check_decode(manifest, manifest.encode, manifest.decode)


def _check_generate(manifest: bundle.Manifest, generate: bundle.Generate) -> None:
    graph = manifest.graphs[generate.graph]
    _check_steps(generate, graph)
    _check_outputs(manifest, "generate", generate.graph, [generate.sample, *filter(None, [generate.mean])])
    noises = {item.name: item for item in graph.inputs if item.role == "noise"}
    for item in graph.inputs:
        if item.role == "option" and item.shape != ("batch",):
            raise WiringRefused(f"generate: option {item.name!r} must be one number per row")
    if shared := [name for name, item in noises.items() if item.shape[:1] != ("batch",)]:
        raise WiringRefused(f"generate: noise without a batch axis makes all samples alike: {', '.join(shared)}")
    if generate.latents is not None and generate.latents not in noises:
        raise WiringRefused(f"generate: latents {generate.latents!r} is not a noise input of {generate.graph!r}")
    expected = 1 if generate.method == "fixed_point" else 0
    found = _data_inputs(graph)
    if len(found) != expected:
        raise WiringRefused(f"generate: expected {expected} data inputs for {generate.method}, got {len(found)}")
    samples = [item for item in graph.outputs if item.name == generate.sample]
    for array in (*found, *samples):
        _check_array("generate", array, _array_of(manifest.makes), manifest.makes.kind)
    _check_conditions(manifest, generate)


def _check_steps(generate: bundle.Generate, graph: bundle.Graph) -> None:
    """A sequential sampler is told its position and gets back every state it gives; no other has either."""
    states = [item for item in graph.inputs if item.role == "state"]
    positions = [(item.dtype, item.shape) for item in graph.inputs if item.role == "position"]
    if generate.method != "sequential":
        _refuse_steps("generate", generate.graph, graph)
        return
    if positions != [("int64", ())] or not states:
        raise WiringRefused("generate: expected states and one position, int64 of shape (), for sequential")
    outputs = {item.name: (item.dtype, item.shape) for item in graph.outputs}
    for item in states:
        if item.shape[:1] != ("batch",) or outputs.get(item.becomes) != (item.dtype, item.shape):
            raise WiringRefused(
                f"generate: expected the state {item.name!r} per row, and an output {item.becomes!r} like it"
            )


def _refuse_steps(use: str, name: str, graph: bundle.Graph) -> None:
    if any(item.role in ("state", "position") for item in graph.inputs):
        raise WiringRefused(f"{use}: {name!r} takes a state or a position, which only a sequential sampler has")


def _check_conditions(manifest: bundle.Manifest, generate: bundle.Generate) -> None:
    """Every condition input has its array, and what the manifest offers has an input to say it with."""
    inputs = _condition_inputs(manifest.graphs[generate.graph])
    of = [item.of for item in inputs]
    if len(set(of)) != len(of):
        raise WiringRefused(f"generate: {generate.graph!r} takes the same condition twice")
    wanted = {name for item in generate.conditions for name in _inputs_of(item, generate.method)}
    if set(of) != wanted:
        raise WiringRefused(
            f"generate: {generate.graph!r} must take the conditions that are offered, {_listed(wanted)}, "
            f"and no other, got {_listed(set(of))}"
        )
    for item in inputs:
        _check_array("generate", item, _condition_array(manifest, generate, item), manifest.makes.kind)
    if generate.completion is not None:
        _check_order(manifest, generate.completion)


def _inputs_of(condition: bundle.Condition, method: str) -> tuple[str, ...]:
    """The inputs a graph has for a condition; what is known is put back after a pass of a fixed-point sampler."""
    if condition.of != "known":
        return (condition.of,)
    return () if method == "fixed_point" else ("known", "mask")


def _condition_array(manifest: bundle.Manifest, generate: bundle.Generate, item: bundle.ConditionInput) -> Array:
    if item.of == "mask":
        return "uint8", ("batch", *positions(manifest.makes))
    declared = generate.condition(item.of)
    assert declared is not None  # noqa: S101 - both sets were compared
    return array_of(declared, manifest.makes)


def _check_order(manifest: bundle.Manifest, completion: bundle.KnownCondition) -> None:
    count = math.prod(positions(manifest.makes))
    expected = range(count) if completion.kind == "listed" else range(0)
    if sorted(completion.order) != list(expected):
        raise WiringRefused(f"generate: expected an order of {len(expected)} positions for {completion.kind!r}")


def _check_score(manifest: bundle.Manifest, score: bundle.Score) -> None:
    _check_data_graph(manifest, "score", score.graph, _array_of(manifest.input))
    density = [] if score.density is None else [LOG_PROB]
    _check_outputs(manifest, "score", score.graph, [*density, *(item.name for item in score.statistics)])
    shapes = {item.name: item.shape[1:] for item in manifest.graphs[score.graph].outputs}
    for name in MAP_KINDS:
        _check_terms(manifest, name, shapes.get(name))


def _check_decode(manifest: bundle.Manifest, encode: bundle.Encode, decode: bundle.Decode) -> None:
    _check_data_graph(manifest, "decode", decode.graph, ("float32", ("batch", encode.dims)))
    _check_outputs(manifest, "decode", decode.graph, [decode.item])
    (found,) = (item for item in manifest.graphs[decode.graph].outputs if item.name == decode.item)
    _check_array("decode", found, _array_of(manifest.input), manifest.input.kind)


def _check_terms(manifest: bundle.Manifest, name: str, shape: tuple[int | str, ...] | None) -> None:
    if shape is None or can_be_scaled(shape, manifest.input):
        return
    if shape not in (manifest.input.shape, positions(manifest.input)):
        raise WiringRefused(f"score: expected a {name} for every position of {manifest.input.shape}, got {shape}")


def _check_data_graph(manifest: bundle.Manifest, use: str, name: str, expected: Array) -> None:
    """One data input of that form, and no noise per row: the same input always gets the same answer."""
    graph = manifest.graphs[name]
    _refuse_steps(use, name, graph)
    data = _data_inputs(graph)
    if len(data) != 1 or _condition_inputs(graph):
        raise WiringRefused(f"{use}: {name!r} must take one array of data, and no condition")
    _check_array(use, data[0], expected, manifest.input.kind)
    if any(item.role == "noise" and "batch" in item.shape for item in graph.inputs):
        raise WiringRefused(f"{use}: {name!r} takes noise per row, so the same input would get other answers")


def _check_outputs(manifest: bundle.Manifest, use: str, name: str, wanted: Iterable[str]) -> None:
    outputs = {item.name for item in manifest.graphs[name].outputs}
    if missing := [item for item in wanted if item not in outputs]:
        raise WiringRefused(f"{use}: {name!r} has no output {', '.join(missing)}")


def _check_array(use: str, item: bundle.ArraySpec, expected: Array, kind: str) -> None:
    if (item.dtype, item.shape) != expected:
        dtype, shape = expected
        raise WiringRefused(
            f"{use}: expected {item.name!r} to be {dtype} of shape {shape}, as for {kind}, "
            f"got {item.dtype} of shape {item.shape}"
        )


def _array_of(spec: bundle.InputSpec) -> Array:
    return bundle.DATA_DTYPES[spec.kind], ("batch", *spec.shape)


def _condition_inputs(graph: bundle.Graph) -> list[bundle.ConditionInput]:
    return [item for item in graph.inputs if item.role == "condition"]


def _data_inputs(graph: bundle.Graph) -> list[bundle.DataInput]:
    return [item for item in graph.inputs if item.role == "data"]


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
