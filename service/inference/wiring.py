"""Whether the parts of a manifest fit together as this service uses them."""

import math
from collections.abc import Iterable
from typing import Literal

import bundle
from service.inference.known import positions
from service.inference.maps import MAP_KINDS

Array = tuple[str, tuple[int | str, ...]]
"""Dtype and shape."""


class WiringRefused(Exception):
    """A capability names an array its graph does not have, or needs an input this service cannot fill."""


def check_wiring(manifest: bundle.Manifest) -> None:
    """Raises WiringRefused that names capability, graph and array."""
    if manifest.generate is not None:
        _check_generate(manifest, manifest.generate)
    if manifest.score is not None:
        _check_score(manifest, manifest.score)
    if manifest.encode is not None:
        _check_data_graph(manifest, "encode", manifest.encode.graph)
        _check_outputs(manifest, "encode", manifest.encode.graph, ["embedding"])


def _check_generate(manifest: bundle.Manifest, generate: bundle.Generate) -> None:
    graph = manifest.graphs[generate.graph]
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
        _check_array(manifest, "generate", array, _data_array(manifest))
    _check_conditions(manifest, generate)


def _check_conditions(manifest: bundle.Manifest, generate: bundle.Generate) -> None:
    """Every condition input has its array, and what the manifest offers has an input to say it with."""
    conditions = _condition_inputs(manifest.graphs[generate.graph])
    of = [item.of for item in conditions]
    if len(set(of)) != len(of):
        raise WiringRefused(f"generate: {generate.graph!r} takes the same condition twice")
    if ("label" in of) != bool(generate.labels):
        raise WiringRefused(f"generate: {generate.graph!r} must take a label if and only if there are labels")
    if len(set(generate.labels)) != len(generate.labels):
        raise WiringRefused("generate: labels must be unique")
    directly = generate.method == "direct" and generate.completion is not None
    if ("known" in of, "mask" in of) != (directly, directly):
        raise WiringRefused(
            f"generate: {generate.graph!r} must take known and mask if and only if it is direct and completes"
        )
    for item in conditions:
        _check_array(manifest, "generate", item, _condition_array(manifest, item.of))
    if generate.completion is not None:
        _check_order(manifest, generate.completion)


def _check_order(manifest: bundle.Manifest, completion: bundle.Completion) -> None:
    count = math.prod(positions(manifest.input))
    expected = range(count) if completion.kind == "listed" else range(0)
    if sorted(completion.order) != list(expected):
        raise WiringRefused(f"generate: expected an order of {len(expected)} positions for {completion.kind!r}")


def _check_score(manifest: bundle.Manifest, score: bundle.Score) -> None:
    _check_data_graph(manifest, "score", score.graph)
    _check_outputs(manifest, "score", score.graph, ["log_prob", *(item.name for item in score.statistics)])
    shapes = {item.name: item.shape[1:] for item in manifest.graphs[score.graph].outputs}
    for name in MAP_KINDS:
        _check_terms(manifest, name, shapes.get(name))


def _check_terms(manifest: bundle.Manifest, name: str, shape: tuple[int | str, ...] | None) -> None:
    if shape not in (None, manifest.input.shape, positions(manifest.input)):
        raise WiringRefused(f"score: expected a {name} for every position of {manifest.input.shape}, got {shape}")


def _check_data_graph(manifest: bundle.Manifest, capability: str, name: str) -> None:
    """One data input like the manifest's, and no noise per row: the same input always gets the same answer."""
    graph = manifest.graphs[name]
    data = _data_inputs(graph)
    if len(data) != 1 or _condition_inputs(graph):
        raise WiringRefused(f"{capability}: {name!r} must take one array of data, and no condition")
    _check_array(manifest, capability, data[0], _data_array(manifest))
    if any(item.role == "noise" and "batch" in item.shape for item in graph.inputs):
        raise WiringRefused(f"{capability}: {name!r} takes noise per row, so the same input would get other answers")


def _check_outputs(manifest: bundle.Manifest, capability: str, name: str, wanted: Iterable[str]) -> None:
    outputs = {item.name for item in manifest.graphs[name].outputs}
    if missing := [item for item in wanted if item not in outputs]:
        raise WiringRefused(f"{capability}: {name!r} has no output {', '.join(missing)}")


def _check_array(manifest: bundle.Manifest, capability: str, item: bundle.ArraySpec, expected: Array) -> None:
    if (item.dtype, item.shape) != expected:
        dtype, shape = expected
        raise WiringRefused(
            f"{capability}: expected {item.name!r} to be {dtype} of shape {shape}, as for {manifest.input.kind}, "
            f"got {item.dtype} of shape {item.shape}"
        )


def _data_array(manifest: bundle.Manifest) -> Array:
    return bundle.DATA_DTYPES[manifest.input.kind], ("batch", *manifest.input.shape)


def _condition_array(manifest: bundle.Manifest, of: Literal["label", "known", "mask"]) -> Array:
    match of:
        case "label":
            return "int64", ("batch",)
        case "known":
            return _data_array(manifest)
        case "mask":
            return "uint8", ("batch", *positions(manifest.input))


def _condition_inputs(graph: bundle.Graph) -> list[bundle.ConditionInput]:
    return [item for item in graph.inputs if item.role == "condition"]


def _data_inputs(graph: bundle.Graph) -> list[bundle.DataInput]:
    return [item for item in graph.inputs if item.role == "data"]
