"""What differs between two bundles, as far as their manifests tell: two versions side by side."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pofx.bundle.array_specs import Graph
from pofx.bundle.manifest import Manifest, Metric

PARTS = (
    "model",
    "input",
    "generate",
    "density",
    "statistics",
    "calibration",
    "encode",
    "decode",
    "metrics",
    "graphs",
    "provenance",
)
"""What is compared, in this order."""


@dataclass(frozen=True)
class Difference:
    """``what`` names a place in a part of both bundles, such as "n"; None stands for what is not there."""

    part: str
    what: str
    one: Any
    other: Any


def differences(one: Manifest, other: Manifest) -> list[Difference]:
    """Everything in which two bundles differ, by part; empty for bundles that compute and claim the same."""
    found = []
    ours, theirs = _parts(one), _parts(other)
    for part in PARTS:
        mine, yours = dict(_leaves(ours[part])), dict(_leaves(theirs[part]))
        places = [*mine, *(place for place in yours if place not in mine)]
        found += [
            Difference(part, place, mine.get(place), yours.get(place))
            for place in places
            if mine.get(place) != yours.get(place)
        ]
    return found


def _parts(manifest: Manifest) -> dict[str, Any]:
    whole = manifest.model_dump(mode="json")
    score = whole["score"] or {}
    return {
        "model": {key: whole[key] for key in ("family", "summary")},
        "input": {**whole["input"], "dims": whole["dims"]},
        "generate": whole["generate"],
        "density": score.get("density"),
        "statistics": score.get("statistics", ()),
        "calibration": _calibration(manifest),
        "encode": whole["encode"],
        "decode": whole["decode"],
        "metrics": _metrics(manifest.metrics),
        "graphs": {name: _graph(manifest, graph) for name, graph in manifest.graphs.items()},
        "provenance": whole["provenance"],
    }


def _calibration(manifest: Manifest) -> dict[str, Any]:
    """The calibration, with a digest of its values."""
    if manifest.score is None:
        return {}
    calibration = manifest.score.calibration
    values = calibration.model_dump(mode="json", exclude={"file", "labels"})
    labels = {f"n of label {label.name}": label.n for label in calibration.labels}
    return {**values, **labels, "sha256": manifest.files[calibration.file].sha256}


def _graph(manifest: Manifest, graph: Graph) -> dict[str, Any]:
    """What a graph takes and gives, with a digest of each of its files."""
    digests = {f"sha256 of {form}": manifest.files[file].sha256 for form, file in graph.files.items()}
    return {**graph.model_dump(mode="json", exclude={"files"}), **digests}


def _metrics(metrics: Sequence[Metric]) -> dict[str, Any]:
    """By name and split; the same metric of further statistics is counted on, in the order of the statistics."""
    seen: Counter[str] = Counter()
    found = {}
    for metric in metrics:
        name = f"{metric.name}, {metric.split}"
        seen[name] += 1
        key = name if seen[name] == 1 else f"{name} ({seen[name]})"
        found[key] = metric.model_dump(mode="json", exclude={"name", "split"})
    return found


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The values in nested mappings with their places; things that have a name are found by it, other lists are one."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{place}/{key}" if place else key)
    elif isinstance(value, list | tuple) and value and all(isinstance(item, dict) and "name" in item for item in value):
        yield from _leaves({item["name"]: {**item, "place": index} for index, item in enumerate(value)}, place)
    else:
        yield place, value
