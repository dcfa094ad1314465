"""Exported = eager, in both formats, for every kind of family; what is not equal is not exported."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from training.errors import ExportError
from training.export.bundling import export_graphs, prepare_weights
from training.export.golden import golden
from training.export.graphs import computations
from training.export.onnx import OnnxRunner, to_onnx
from training.export.parity import check_parity
from training.fit import Hardware, Run, fit
from training.transforms import Binarise
from training.zoo import FAMILIES

GRAPHS = {
    "bernoulli": {"score", "generate"},
    "categorical": {"score", "generate"},
    "diagonal_bilstm": {"score", "propose"},
    "fvsbn": {"score", "generate"},
    "made": {"score", "propose"},
    "nade": {"score", "generate"},
    "pixelcnn": {"score", "propose"},
    "gated_pixelcnn": {"score", "propose"},
    "pixelcnn_pp": {"score", "propose"},
    "rnade": {"score", "generate"},
    "row_lstm": {"score", "propose"},
    "vae": {"score", "generate", "encode"},
    "dcgan": {"generate"},
    "wavenet": {"score", "generate"},
    "gmm": {"score", "generate", "encode"},
    "gmm-images": {"score", "generate", "encode"},
}


@pytest.fixture
def fitted(experiment, tmp_path):
    def build(name: str, export: str = ""):
        ready = experiment(name, export)
        fit(ready, Run.of(ready, tmp_path), Hardware("cpu", "1"), resume=False)
        prepare_weights(ready)
        return ready

    return build


@pytest.mark.parametrize("name", GRAPHS)
def test_every_graph_of_every_kind_is_equal_in_both_formats(fitted, name):
    said = []
    exported = export_graphs(fitted(name, 'formats = ["onnx", "torchscript"]\nweights = "float16"'), said.append)
    assert set(exported.graphs) == GRAPHS[name]
    assert set(exported.files) == {f"{graph}.{suffix}" for graph in GRAPHS[name] for suffix in ("onnx", "ts")}
    assert len(said) == 2 * len(GRAPHS[name])


def _made():
    family = FAMILIES["made"]
    torch.manual_seed(0)
    return family((1, 8, 8), family.Options(hidden=(64,))).eval(), Binarise((8, 8, 1), Binarise.Options())


def test_a_graph_that_differs_is_refused():
    score = computations(*_made())["score"]

    def slightly_off(*arrays):
        return [values + 0.01 for values in OnnxRunner(to_onnx(score, half_weights=False))(*arrays)]

    with pytest.raises(ExportError, match=r"score\.log_prob, batch 1: differs from the model"):
        check_parity("score", score, slightly_off)


def test_half_weights_lose_nothing_and_save_space():
    family, transform = _made()
    for parameter in family.parameters():
        parameter.data = parameter.data.half().float()
    score = computations(family, transform)["score"]
    full, half = to_onnx(score, half_weights=False), to_onnx(score, half_weights=True)
    assert len(half) < 0.7 * len(full)
    inputs = [array.numpy() for array in score.example(5, torch.Generator().manual_seed(0))]
    for a, b in zip(OnnxRunner(full)(*inputs), OnnxRunner(half)(*inputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_weights_that_float16_cannot_hold_stay_as_they_are():
    family, transform = _made()
    score = computations(family, transform)["score"]
    assert len(to_onnx(score, half_weights=True)) == len(to_onnx(score, half_weights=False))


def test_a_graph_names_no_file_of_the_machine_and_no_random_operator():
    for computation in computations(*_made()).values():
        data = to_onnx(computation, half_weights=False)
        model = onnx.load_from_string(data)
        assert b"/training/" not in data
        assert b"site-packages" not in data
        assert max(opset.version for opset in model.opset_import) <= 21
        assert not {node.op_type for node in model.graph.node} & {"Bernoulli", "RandomUniformLike", "Multinomial"}


def test_a_random_operator_is_refused():
    class Dice(torch.nn.Module):
        def forward(self, raw, u, temperature):
            return (torch.bernoulli(u).to(torch.uint8).reshape(-1, 8, 8, 1),)

    propose = computations(*_made())["propose"]
    dice = type(propose)(Dice(), propose.inputs, propose.outputs, propose.mflop_per_row, {})
    with pytest.raises(ExportError, match="random operators"):
        to_onnx(dice, half_weights=False)


def test_golden_vectors_are_what_a_fresh_session_gives(fitted):
    ready = fitted("vae")
    exported = export_graphs(ready, lambda _: None)
    archive = golden(exported.graphs, exported.runners, ready.splits.test.x, noise_seed=0)
    import io

    arrays = np.load(io.BytesIO(archive), allow_pickle=False)
    session = onnxruntime.InferenceSession(exported.files["score.onnx"], providers=["CPUExecutionProvider"])
    feed = {item.name: arrays[f"score.in.{item.name}"] for item in session.get_inputs()}
    np.testing.assert_allclose(session.run(["log_prob"], feed)[0], arrays["score.out.log_prob"], rtol=1e-6)
    np.testing.assert_array_equal(feed["image"], ready.splits.test.x[:4])


def test_work_per_row_is_counted():
    small, large = (
        computations(FAMILIES["made"]((1, 8, 8), FAMILIES["made"].Options(hidden=(h,), direct=False)), _made()[1])
        for h in (64, 128)
    )
    assert large["score"].mflop_per_row == pytest.approx(2 * small["score"].mflop_per_row)
    assert small["score"].mflop_per_row == pytest.approx(2 * 2 * 64 * 64 / 1e6)
