"""Two manifests differ in what was changed, wherever it stands, and in nothing else."""

import pytest

from pofx import bundle
from pofx.bundle import Difference, differences


@pytest.fixture
def manifest(written):
    return written.manifest


def changed(manifest, **values):
    return manifest.model_copy(update=values)


def test_a_bundle_does_not_differ_from_itself_or_another_version_of_the_same(manifest):
    assert differences(manifest, manifest) == []
    assert differences(manifest, changed(manifest, version=2)) == []


def test_a_difference_is_the_same_seen_from_both_sides(manifest, store):
    other = changed(manifest, dims=3, encode=None)
    there, back = differences(manifest, other), differences(other, manifest)
    swapped = [Difference(item.part, item.what, item.other, item.one) for item in back]
    assert len(there) == len(back) > 2
    assert all(item in swapped for item in there)


def test_named_things_are_compared_by_name(manifest):
    columns = (bundle.Column(name="b", minimum=0, maximum=2), bundle.Column(name="c", minimum=0, maximum=1))
    found = differences(manifest, changed(manifest, input=bundle.RowSpec(columns=columns)))
    assert Difference("input", "columns/b/maximum", 1.0, 2.0) in found
    assert Difference("input", "columns/a/maximum", 1.0, None) in found
    assert Difference("input", "columns/c/maximum", None, 1.0) in found
    assert {item.part for item in found} == {"input"}


def test_other_weights_show_as_another_digest_of_the_graph(manifest):
    files = {**manifest.files, "encode.onnx": bundle.FileEntry(size=1, sha256="0" * 64)}
    found = differences(manifest, changed(manifest, files=files))
    assert [(item.part, item.what) for item in found] == [("graphs", "encode/sha256 of onnx")]


def test_a_metric_measured_for_several_statistics_is_compared_one_by_one(manifest):
    def metrics(*values):
        return tuple(
            bundle.Metric(name="rate", value=value, unit="1", split="test", protocol="as always") for value in values
        )

    found = differences(changed(manifest, metrics=metrics(1, 2)), changed(manifest, metrics=metrics(1, 3)))
    assert found == [Difference("metrics", "rate, test (2)/value", 2.0, 3.0)]
