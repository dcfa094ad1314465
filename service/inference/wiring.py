"""Whether the parts of a manifest fit together as this service uses them."""

from collections.abc import Iterable

import bundle


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


def _check_score(manifest: bundle.Manifest, score: bundle.Score) -> None:
    _check_data_graph(manifest, "score", score.graph)
    _check_outputs(manifest, "score", score.graph, ["log_prob", *(item.name for item in score.statistics)])


def _check_data_graph(manifest: bundle.Manifest, capability: str, name: str) -> None:
    """One data input like the manifest's, and no noise per row: the same input always gets the same answer."""
    graph = manifest.graphs[name]
    data = _data_inputs(graph)
    dtype = "uint8" if manifest.input.kind == "image" else "float32"
    if [(item.dtype, item.shape) for item in data] != [(dtype, ("batch", *manifest.input.shape))]:
        raise WiringRefused(
            f"{capability}: {name!r} must take one {dtype} array of shape batch, {manifest.input.shape}"
        )
    if any(item.role == "noise" and "batch" in item.shape for item in graph.inputs):
        raise WiringRefused(f"{capability}: {name!r} takes noise per row, so the same input would get other answers")


def _check_outputs(manifest: bundle.Manifest, capability: str, name: str, wanted: Iterable[str]) -> None:
    outputs = {item.name for item in manifest.graphs[name].outputs}
    if missing := [item for item in wanted if item not in outputs]:
        raise WiringRefused(f"{capability}: {name!r} has no output {', '.join(missing)}")


def _data_inputs(graph: bundle.Graph) -> list[bundle.DataInput]:
    return [item for item in graph.inputs if item.role == "data"]
