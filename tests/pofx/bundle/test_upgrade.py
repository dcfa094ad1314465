"""Manifests of version 1 are read as version 2 says the same; nothing on disk changes."""

import copy
import json

import pytest

from pofx import bundle
from pofx.bundle.upgrade import upgraded

SCORE = {
    "graph": "encode",
    "kind": "lower_bound",
    "bound": "IWAE-5",
    "noise_seed": 0,
    "density_of": "the thresholded image",
    "statistics": [{"name": "log_prob", "unit": "nats", "tail": "low", "description": "how likely"}],
    "calibration": {"file": "CARD.md", "n": 3, "data": "held out"},
}
GENERATE = {
    "method": "direct",
    "graph": "encode",
    "sample": "embedding",
    "mean": None,
    "latents": None,
    "max_passes": 1,
    "labels": ["a", "b"],
    "completion": {"kind": "listed", "order": [1, 0]},
}


@pytest.fixture
def version_1(written):
    """The tiny bundle as version 1 wrote it, with a score and a sampler."""
    manifest = json.loads((written.folder / bundle.MANIFEST_FILE).read_bytes())
    for name in ("decode", "score", "generate"):
        manifest.pop(name, None)
    manifest["encode"] = {key: manifest["encode"][key] for key in ("graph", "dims", "description")}
    return {**manifest, "schema_version": 1, "kind": "lower_bound", "score": SCORE, "generate": GENERATE}


def on_disk(written, manifest):
    path = written.folder / bundle.MANIFEST_FILE
    path.write_text(json.dumps(manifest))
    return path


def test_what_version_1_said_is_what_version_2_says(written, version_1):
    path = on_disk(written, version_1)
    before = path.read_bytes()
    manifest = bundle.read(written.folder).manifest
    assert path.read_bytes() == before
    assert manifest.schema_version == 2
    assert manifest.kind == "lower_bound"
    assert manifest.score.density == bundle.Density(kind="lower_bound", bound="IWAE-5", over="the thresholded image")
    assert manifest.generate.labels == ("a", "b")
    assert manifest.generate.completion == bundle.KnownCondition(kind="listed", order=(1, 0))
    assert manifest.makes == manifest.input
    assert manifest.decode is None


@pytest.mark.parametrize(
    ("kind", "changes"),
    [("implicit", {"score": None}), ("representation", {"score": None, "generate": None})],
)
def test_the_kind_follows_from_the_parts(written, version_1, kind, changes):
    on_disk(written, {**version_1, "kind": kind, **changes})
    assert bundle.read(written.folder).manifest.kind == kind


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("score", {"kind": "guess"}),
        ("score", {"density_of": None}),
        ("score", {"surprise": 1}),
        ("generate", {"completion": "raster"}),
        ("generate", {"labels": "ab"}),
        ("generate", {"labels": ["a", "a"]}),
    ],
)
def test_what_was_malformed_is_refused(written, version_1, part, change):
    manifest = copy.deepcopy(version_1)
    manifest[part] |= change
    on_disk(written, manifest)
    with pytest.raises(bundle.BundleCorrupt):
        bundle.read(written.folder)


def test_upgrading_changes_nothing_it_was_given(version_1):
    before = copy.deepcopy(version_1)
    upgraded(version_1)
    assert version_1 == before
