"""Tampering of every kind is refused, and the error names file and reason."""

import json
import shutil

import onnx
import pytest
from onnx import TensorProto

from pofx import bundle


def _edit_manifest(folder, change):
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_an_untouched_bundle_reads_back_as_written(written, body, files):
    again = bundle.read(written.folder)
    assert again.manifest == written.manifest
    assert again.manifest.model_dump(include=set(type(body).model_fields)) == body.model_dump()
    assert {name: again.read_bytes(name) for name in files} == files


def test_a_flipped_bit_in_any_file_is_refused(written):
    for name in written.manifest.files:
        path = written.folder / name
        original = path.read_bytes()
        path.write_bytes(bytes([original[0] ^ 1]) + original[1:])
        with pytest.raises(bundle.BundleCorrupt, match=rf"{name}: SHA-256"):
            bundle.read(written.folder)
        path.write_bytes(original)
    bundle.read(written.folder)


def test_a_truncated_file_is_refused(written):
    path = written.folder / "encode.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(bundle.BundleCorrupt, match=r"encode\.onnx: expected \d+ bytes, got \d+"):
        bundle.read(written.folder)


def test_a_missing_file_is_refused(written):
    (written.folder / "CARD.md").unlink()
    with pytest.raises(bundle.BundleCorrupt, match=r"CARD\.md: listed in the manifest but missing"):
        bundle.read(written.folder)


@pytest.mark.parametrize("name", ["extra.bin", ".hidden"])
def test_an_extra_file_is_refused(written, name):
    (written.folder / name).write_bytes(b"")
    with pytest.raises(bundle.BundleCorrupt, match=rf"{name}: not listed"):
        bundle.read(written.folder)


def test_a_folder_inside_is_refused(written):
    (written.folder / "more").mkdir()
    with pytest.raises(bundle.BundleCorrupt, match=r"more: is a link or a folder"):
        bundle.read(written.folder)


@pytest.mark.parametrize("name", ["CARD.md", "manifest.json"])
def test_a_linked_file_is_refused_even_with_the_same_content(written, tmp_path, name):
    outside = tmp_path / name
    shutil.move(written.folder / name, outside)
    (written.folder / name).symlink_to(outside)
    with pytest.raises(bundle.BundleCorrupt, match=name):
        bundle.read(written.folder)


def test_a_linked_bundle_folder_is_refused(written, store):
    link = store.root / "adder" / "2"
    link.symlink_to(written.folder, target_is_directory=True)
    with pytest.raises(bundle.BundleCorrupt, match="is a link"):
        bundle.read(link)


def test_a_future_schema_is_refused_with_advice(written):
    _edit_manifest(written.folder, lambda content: content.update(schema_version=3, brand_new=True))
    with pytest.raises(bundle.BundleUnsupported, match=r"manifest\.json: schema version 3.*reads 1, 2: upgrade"):
        bundle.read(written.folder)


def test_an_unknown_field_is_refused(written):
    _edit_manifest(written.folder, lambda content: content["encode"].update(pooling="mean"))
    with pytest.raises(bundle.BundleCorrupt, match=r"manifest\.json: encode\.pooling"):
        bundle.read(written.folder)


@pytest.mark.parametrize("path", ["../encode.onnx", "/etc/passwd", "a/b.onnx", "..", "a\\b"])
def test_a_path_outside_the_folder_is_refused(written, path):
    def change(content):
        content["graphs"]["encode"]["files"]["onnx"] = path
        content["files"][path] = content["files"]["encode.onnx"]

    _edit_manifest(written.folder, change)
    with pytest.raises(bundle.BundleCorrupt, match=r"manifest\.json"):
        bundle.read(written.folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"schema_version": 1}', b"\xff", b"[" * 100_000])
def test_a_broken_manifest_is_refused(written, content):
    (written.folder / "manifest.json").write_bytes(content)
    with pytest.raises(bundle.BundleCorrupt, match=r"manifest\.json"):
        bundle.read(written.folder)


def test_a_bundle_moved_to_another_name_is_refused(written, store):
    target = store.root / "other" / "1"
    target.parent.mkdir()
    written.folder.rename(target)
    with pytest.raises(bundle.BundleCorrupt, match="says it is adder/1, but lies in other/1"):
        bundle.read(target)


def test_a_file_changed_after_verification_is_not_handed_out(written):
    opened = bundle.read(written.folder)
    path = written.folder / "CARD.md"
    path.write_bytes(b"# CARD")
    with pytest.raises(bundle.BundleCorrupt, match="SHA-256"):
        opened.read_bytes("CARD.md")
    with pytest.raises(bundle.BundleCorrupt, match="not listed"):
        opened.read_bytes("manifest.json")


def _external(tensor: onnx.TensorProto) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../../etc/passwd"


def _in_initializer(model: onnx.ModelProto) -> None:
    _external(model.graph.initializer[0])


def _in_attribute(model: onnx.ModelProto) -> None:
    node = model.graph.node.add(op_type="Constant", output=["c"])
    attribute = node.attribute.add(name="value", type=onnx.AttributeProto.TENSOR)
    attribute.t.CopyFrom(model.graph.initializer[0])
    _external(attribute.t)


def _in_subgraph(model: onnx.ModelProto) -> None:
    node = model.graph.node.add(op_type="If", input=["x"], output=["y"])
    attribute = node.attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH)
    attribute.g.initializer.add().CopyFrom(model.graph.initializer[0])
    _external(attribute.g.initializer[0])


def _in_sparse_initializer(model: onnx.ModelProto) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(model.graph.initializer[0])
    _external(sparse.values)


def _in_function(model: onnx.ModelProto) -> None:
    node = model.functions.add(name="f", domain="d").node.add(op_type="Constant", output=["c"])
    attribute = node.attribute.add(name="value", type=onnx.AttributeProto.TENSOR)
    attribute.t.CopyFrom(model.graph.initializer[0])
    _external(attribute.t)


@pytest.mark.parametrize("hide", [_in_initializer, _in_attribute, _in_subgraph, _in_sparse_initializer, _in_function])
def test_external_data_is_refused_wherever_it_hides(store, body, files, model, hide):
    hide(model)
    with pytest.raises(bundle.BundleUnsupported, match=r"encode\.onnx: refers to external data"):
        bundle.write(store, "sneaky", body, {**files, "encode.onnx": model.SerializeToString()})
    assert store.names() == []


@pytest.mark.parametrize("content", [b"\xff" * 40, b"\x3a\xff\xff\xff\xff\x0f", b"\x3d\x01"])
def test_a_graph_that_is_no_protobuf_is_refused(store, body, files, content):
    with pytest.raises(bundle.BundleCorrupt, match="malformed ONNX"):
        bundle.write(store, "noise", body, {**files, "encode.onnx": content})
