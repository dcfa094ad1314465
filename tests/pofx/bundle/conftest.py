"""A tiny bundle with one real ONNX graph, written into a temporary store."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pofx import bundle


def _adding_graph() -> onnx.ModelProto:
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, ["batch", 2])
    result = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 2])
    weight = numpy_helper.from_array(np.ones(2, np.float32), "weight")
    graph = helper.make_graph(
        [helper.make_node("Add", ["row", "weight"], ["embedding"])], "g", [row], [result], [weight]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


@pytest.fixture
def model() -> onnx.ModelProto:
    return _adding_graph()


@pytest.fixture
def body() -> bundle.ManifestBody:
    row = {"name": "row", "dtype": "float32", "shape": ("batch", 2)}
    return bundle.ManifestBody(
        family="pca",
        summary="adds one",
        input=bundle.RowSpec(columns=tuple(bundle.Column(name=n, minimum=0, maximum=1) for n in ("a", "b"))),
        dims=2,
        graphs={
            "encode": bundle.Graph(
                files={"onnx": "encode.onnx"},
                inputs=(bundle.DataInput(**row),),
                outputs=(bundle.ArraySpec(**{**row, "name": "embedding"}),),
                mflop_per_row=1e-6,
            )
        },
        encode=bundle.Encode(graph="encode", dims=2, description="the row plus one"),
        golden=bundle.Golden(file="golden.npz", tolerances={"encode": bundle.Tolerance(atol=0, rtol=0)}),
        provenance=bundle.Provenance(
            created="2026-01-01",
            seed=0,
            smoke=False,
            data=bundle.DataProvenance(source="none", licence="none", fingerprint="0", splits={}),
            training_seconds=0,
            versions={},
        ),
    )


@pytest.fixture
def files(model: onnx.ModelProto) -> dict[str, bytes]:
    return {"encode.onnx": model.SerializeToString(), "golden.npz": b"golden", "CARD.md": b"# card"}


@pytest.fixture
def store(tmp_path) -> bundle.Store:
    return bundle.Store(tmp_path / "store")


@pytest.fixture
def written(store, body, files) -> bundle.Bundle:
    return bundle.write(store, "adder", body, files)
