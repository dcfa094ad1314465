"""GET /models and GET /models/{name}: what a client needs to use a model."""

from typing import Any

from typing_extensions import TypedDict

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.rules.outputs import map_kind


class ModelDescription(TypedDict):
    """One loaded model."""

    name: str
    version: int
    versions: list[int]
    family: str
    kind: str
    summary: str
    capabilities: list[str]
    input: dict[str, Any]
    dims: int
    generate: dict[str, Any] | None
    score: dict[str, Any] | None
    encode: dict[str, Any] | None
    decode: bool
    metrics: list[dict[str, Any]]
    provenance: dict[str, Any]
    manifest_sha256: str
    graphs: dict[str, dict[str, Any]]


class RefusedBundle(TypedDict):
    """A bundle in the store that is not served."""

    name: str
    version: int
    reason: str


class ModelList(TypedDict):
    """The latest version of every model, and what was refused."""

    models: list[ModelDescription]
    refused: list[RefusedBundle]


def describe(model: LoadedModel, versions: list[int]) -> ModelDescription:
    """The description of a model."""
    manifest = model.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "versions": versions,
        "family": manifest.family,
        "kind": manifest.kind,
        "summary": manifest.summary,
        "capabilities": list(manifest.capabilities),
        "input": manifest.input.model_dump(),
        "dims": manifest.dims,
        "generate": _generate(manifest),
        "score": _score(manifest),
        "encode": manifest.encode.model_dump() if manifest.encode else None,
        "decode": manifest.decode is not None,
        "metrics": [metric.model_dump() for metric in manifest.metrics],
        "provenance": manifest.provenance.model_dump(),
        "manifest_sha256": model.digest,
        "graphs": {name: _graph(model, name) for name in model.graphs},
    }


def _generate(manifest: bundle.Manifest) -> dict[str, Any] | None:
    generate = manifest.generate
    if generate is None:
        return None
    graph = manifest.graphs[generate.graph]
    latents = graph.input(generate.latents).shape[1:] if generate.latents else None
    return {
        "method": generate.method,
        "mean": generate.mean is not None,
        "latents": latents and {"shape": ["n", *latents]},
        "options": [_option(item) for item in graph.inputs if item.role == "option"],
        "labels": list(generate.labels),
        "completion": generate.completion and _completion(manifest.makes, generate.completion),
        "makes": manifest.makes.model_dump(),
        "conditions": [_condition(item) for item in generate.conditions],
    }


def _condition(condition: bundle.Condition) -> dict[str, Any]:
    """A condition as it can be said; the order of what is known stands under ``completion``."""
    return condition.model_dump(exclude={"kind", "order"} if condition.of == "known" else set())


def _completion(spec: bundle.InputSpec, completion: bundle.KnownCondition) -> dict[str, Any]:
    """In which order positions are drawn, and whether knowing the first few of that order gives exact samples."""
    order: list[Any] = list(completion.order)
    if spec.kind == "row":
        order = [spec.columns[place].name for place in order]
    return {"kind": completion.kind, "order": order, "exact_if_first_are_known": completion.kind != "mixed"}


def _score(manifest: bundle.Manifest) -> dict[str, Any] | None:
    score = manifest.score
    if score is None:
        return None
    kind = map_kind(manifest.graphs[score.graph])
    return {
        **_density(score.density),
        "explain": kind is not None,
        "map": kind,
        "statistics": [statistic.model_dump() for statistic in score.statistics],
        "calibration": {
            "n": score.calibration.n,
            "data": score.calibration.data,
            "smallest_p_value": 1 / (score.calibration.n + 1),
            "labels": [_label(label) for label in score.calibration.labels],
        },
    }


def _density(density: bundle.Density | None) -> dict[str, Any]:
    if density is None:
        return {"kind": "none"}
    return {"kind": density.kind, "bound": density.bound, "unit": "nats", "density_of": density.over}


def _label(label: bundle.LabelCount) -> dict[str, Any]:
    return {"label": label.name, "n": label.n, "smallest_p_value": 1 / (label.n + 1)}


def _option(option: bundle.OptionInput) -> dict[str, Any]:
    return option.model_dump(include={"name", "description", "default", "minimum", "maximum"})


def _graph(model: LoadedModel, name: str) -> dict[str, Any]:
    graph = model.graphs[name]
    return {
        "runtime": graph.graph.runtime,
        "provider": graph.graph.provider,
        "mflop_per_row": graph.spec.mflop_per_row,
        "same_bits_in_any_batch": graph.layout is not None,
    }
