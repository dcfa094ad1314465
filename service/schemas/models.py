"""GET /models and what belongs to it: what a client needs to use a model, and an operator to know what is served."""

from collections.abc import Sequence
from typing import Any

from typing_extensions import TypedDict

from pofx import bundle
from pofx.graphs.loaded import LoadedModel
from pofx.rules.density_words import meaning
from pofx.rules.excess import warning
from pofx.rules.outputs import map_kind
from pofx.rules.promises import smallest_alpha
from service.engine.stock import Event, Happening, Stock
from service.schemas.groups import groups_used


class ModelDescription(TypedDict):
    """One loaded model; all ``versions`` that are loaded, the one that is ``promoted``, and what the name means."""

    name: str
    version: int
    versions: list[int]
    promoted: int | None
    name_means: int | None
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


class StoreEvent(TypedDict):
    """What was noticed in the store: of a version, or without one of the record of a name; times are UTC."""

    at: str
    what: Happening
    name: str
    version: int | None
    detail: str | None


class ModelList(TypedDict):
    """The version that every name means, versions still to be loaded, what was refused, what happened, newest first."""

    models: list[ModelDescription]
    loading: list[str]
    refused: list[RefusedBundle]
    events: list[StoreEvent]


class ModelDifference(TypedDict):
    """Where in a part two bundles differ; null is what a bundle does not have."""

    what: str
    model: Any
    compared_with: Any


class ModelComparison(TypedDict):
    """Two loaded bundles side by side: the differences by part, and the parts without any."""

    model: str
    compared_with: str
    differences: dict[str, list[ModelDifference]]
    same: list[str]


def list_models(stock: Stock, events: Sequence[Event]) -> ModelList:
    """What GET /models answers; a name that means no version is shown by its latest."""
    shown = [versions[stock.meant.get(name, max(versions))] for name, versions in sorted(stock.models.items())]
    return {
        "models": [describe(model, stock) for model in shown],
        "loading": [str(item) for item in stock.loading],
        "refused": [{"name": item.name, "version": item.version, "reason": item.reason} for item in stock.refused],
        "events": [_event(item) for item in reversed(events)],
    }


def _event(event: Event) -> StoreEvent:
    return {
        "at": event.at.isoformat(timespec="seconds"),
        "what": event.what,
        "name": event.name,
        "version": event.version,
        "detail": event.detail,
    }


def compare(model: LoadedModel, other: LoadedModel) -> ModelComparison:
    """In what two models differ."""
    found: dict[str, list[ModelDifference]] = {}
    for item in bundle.differences(model.manifest, other.manifest):
        difference: ModelDifference = {"what": item.what, "model": item.one, "compared_with": item.other}
        found.setdefault(item.part, []).append(difference)
    return {
        "model": model.manifest.reference,
        "compared_with": other.manifest.reference,
        "differences": found,
        "same": [part for part in bundle.PARTS if part not in found],
    }


def describe(model: LoadedModel, stock: Stock) -> ModelDescription:
    """The description of a model."""
    manifest = model.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "versions": sorted(stock.models.get(manifest.name, {})),
        "promoted": stock.promoted.get(manifest.name),
        "name_means": stock.meant.get(manifest.name),
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
        "completion": generate.completion and _completion(manifest.makes, generate.completion, graph),
        "makes": manifest.makes.model_dump(),
        "conditions": [_condition(item) for item in generate.conditions],
    }


def _condition(condition: bundle.Condition) -> dict[str, Any]:
    """A condition as it can be said; the order of what is known stands under ``completion``."""
    return condition.model_dump(exclude={"kind", "order"} if condition.of == "known" else set())


def _completion(spec: bundle.InputSpec, completion: bundle.KnownCondition, graph: bundle.Graph) -> dict[str, Any]:
    """In which order positions are drawn, and whether knowing the first few of that order gives exact samples.

    They are exact with the options of ``exact_at`` only: at another temperature they are tempered.
    """
    order: list[Any] = list(completion.order)
    if spec.kind == "row":
        order = [spec.columns[place].name for place in order]
    return {
        "kind": completion.kind,
        "order": order,
        "exact_if_first_are_known": completion.kind != "mixed",
        "exact_at": {item.name: item.default for item in graph.inputs if item.role == "option"},
    }


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
            "groups": score.calibration.groups and groups_used(score.calibration.groups),
            "gaps": [
                {**pattern.model_dump(), "smallest_p_value": 1 / (pattern.n + 1)}
                for pattern in score.calibration.patterns
            ],
            "labels": [_label(label, len(score.calibration.labels)) for label in score.calibration.labels],
            "held_out": _held_out(score.calibration.held_out),
            "warning": warning(score),
        },
    }


def _held_out(held_out: bundle.HeldOut | None) -> dict[str, Any] | None:
    return None if held_out is None else {"as_promised": not held_out.excess, **held_out.model_dump()}


def _density(density: bundle.Density | None) -> dict[str, Any]:
    if density is None:
        return {"kind": "none"}
    return {
        "kind": density.kind,
        "bound": density.bound,
        "standard_error": density.standard_error,
        "meaning": meaning(density),
        "unit": "nats",
        "density_of": density.over,
    }


def _label(label: bundle.LabelCount, labels: int) -> dict[str, Any]:
    return {
        "label": label.name,
        "n": label.n,
        "smallest_p_value": 1 / (label.n + 1),
        "smallest_alpha": smallest_alpha(label.n, labels),
    }


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
