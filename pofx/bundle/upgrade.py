"""Manifests of version 1 in the words of version 2. Nothing on disk changes: checksums vouch for what was written."""

from typing import Any


def upgraded(manifest: dict[str, Any]) -> dict[str, Any]:
    """The content of a version-1 manifest as version 2 says it; what is malformed stays malformed, to be refused."""
    new = {key: value for key, value in manifest.items() if key != "kind"} | {"schema_version": 2}
    if isinstance(score := manifest.get("score"), dict):
        new["score"] = _score(score)
    if isinstance(generate := manifest.get("generate"), dict):
        new["generate"] = _generate(generate)
    return new


def _score(score: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew only scores with a density."""
    moved = {"kind": "kind", "bound": "bound", "density_of": "over"}
    density = {new: score[old] for old, new in moved.items() if old in score}
    return {key: value for key, value in score.items() if key not in moved} | {"density": density}


def _generate(generate: dict[str, Any]) -> dict[str, Any]:
    """Labels and completion became conditions."""
    conditions: list[Any] = []
    if labels := generate.get("labels"):
        conditions.append({"of": "label", "labels": labels})
    if (completion := generate.get("completion")) is not None:
        conditions.append({"of": "known", **completion} if isinstance(completion, dict) else completion)
    return {key: value for key, value in generate.items() if key not in ("labels", "completion")} | {
        "conditions": conditions
    }
