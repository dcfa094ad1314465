"""Exported = eager, in both formats, for every kind of family; what is not equal is not exported."""

import io

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from pofx.bundle import Tolerance
from training.errors import ExportError
from training.export.export import export
from training.export.graphs import computations
from training.export.onnx import OnnxRunner, to_onnx
from training.export.parity import _difference, check_parity
from training.export.torchscript import TorchScriptRunner, to_torchscript
from training.finish import finish
from training.fit import Hardware, fit
from training.publish.golden import golden
from training.run import Run
from training.transforms import Binarise, DataFacts, Dequantise, Symbols
from training.zoo import FAMILIES
from training.zoo.base import Facts

full = pytest.mark.full
GRAPHS = {
    "bernoulli": {"score", "generate"},
    "categorical": {"score", "generate"},
    "diagonal_bilstm": {"score", "propose"},
    "fvsbn": {"score", "generate"},
    "made": {"score", "propose"},
    "made-ensemble": {"score", "propose"},
    "made-masks": {"score", "propose"},
    "made-rows": {"score", "propose"},
    "nade": {"score", "generate"},
    "attention": {"score", "generate"},
    "rnn": {"score", "generate"},
    "rnn-rows": {"score", "generate"},
    "nade-ensemble": {"score", "generate"},
    "pixelcnn": {"score", "propose"},
    "gated_pixelcnn": {"score", "propose"},
    "pixelcnn_pp": {"score", "propose"},
    "rnade": {"score", "generate"},
    "row_lstm": {"score", "propose"},
    "vae": {"score", "generate", "encode"},
    "dcgan": {"generate"},
    "wavenet": {"score", "generate"},
    "gmm": {"score", "generate", "encode"},
    "gmm-columns": {"score", "generate", "encode"},
    "rnade-columns": {"score", "generate"},
    "gda": {"score", "generate", "encode"},
    "naive_bayes": {"score", "generate", "encode"},
    "naive_bayes-real": {"score", "generate", "encode"},
    "markov": {"score", "generate"},
    "markov-texts": {"score", "generate"},
    "gmm-images": {"score", "generate", "encode"},
}


@pytest.fixture
def fitted(experiment, tmp_path, monkeypatch):
    """Fits a tiny model; its steps, if it is drawn in steps, are so short that there are several."""
    monkeypatch.setattr("training.export.pieces.STEP_S", 1e-4)

    def build(name: str, export: str = ""):
        ready = experiment(name, export)
        return finish(fit(ready, Run.of(ready, tmp_path), Hardware("cpu", "1"), resume=False), lambda _: None)

    return build


# Every bundle of tests/contract is exported to ONNX as well: these kinds need not be repeated by default.
SERVED = {
    "bernoulli",
    "made",
    "made-rows",
    "gated_pixelcnn",
    "nade",
    "rnade",
    "wavenet",
    "markov",
    "vae",
    "dcgan",
    "gmm",
}

# Variants of families that are exported by default in another form.
VARIANTS = {"made-ensemble", "made-masks", "rnn", "nade-ensemble", "naive_bayes-real", "markov-texts", "gmm-images"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.full) if name in SERVED | VARIANTS else name for name in GRAPHS]
)
def test_every_graph_of_every_kind_is_equal_in_onnx(fitted, name):
    said = []
    exported = export(fitted(name, 'weights = "float16"'), said.append)
    assert set(exported.graphs) == GRAPHS[name]
    assert set(exported.files) == {f"{graph}.onnx" for graph in GRAPHS[name]}
    assert sum("equal to the model" in line for line in said) == len(GRAPHS[name])
    if exported.prepared.family.sampler == "sequential":
        assert len(exported.graphs["generate"].pieces.starts) > 1


# Tracing unrolls loops over positions, which takes a while; one such family is tested by default.
TRACED_FAST = {"bernoulli", "made", "fvsbn", "vae", "dcgan", "gmm", "naive_bayes"}


@pytest.mark.parametrize(
    "name", [name if name in TRACED_FAST else pytest.param(name, marks=pytest.mark.full) for name in GRAPHS]
)
def test_every_graph_of_every_kind_is_equal_in_torchscript(fitted, name):
    exported = export(fitted(name, 'formats = ["torchscript"]'), lambda _: None)
    assert set(exported.files) == {f"{graph}.ts" for graph in GRAPHS[name]}


def _made():
    family = FAMILIES["made"]
    torch.manual_seed(0)
    return family(Facts((1, 8, 8), "binary", 2), family.Options(hidden=(64,))).eval(), Binarise(
        DataFacts("image", (8, 8, 1)), Binarise.Options()
    )


def test_a_graph_that_differs_is_refused():
    score = computations(*_made())["score"]

    def slightly_off(*arrays):
        return [values + 0.01 for values in OnnxRunner(to_onnx(score, half_weights=False))(*arrays)]

    with pytest.raises(ExportError, match=r"score\.log_prob, batch 1: differs from the model"):
        check_parity("score", score, slightly_off)


def test_a_step_whose_state_differs_is_refused(fitted):
    ready = fitted("fvsbn")
    step = computations(ready.family, ready.transform)["generate"]

    def slightly_off(*arrays):
        *outputs, state = [result.numpy() for result in step.module(*map(torch.from_numpy, arrays))]
        return [*outputs, state + np.float32(0.01) * (arrays[-1] > 0)]

    with pytest.raises(ExportError, match=rf"next_state_1 at position {step.pieces.chunk}, batch 1: differs"):
        check_parity("generate", step, slightly_off)


SEQUENTIAL = ("attention", "fvsbn", "markov-texts", "nade", "nade-ensemble", "rnade", "rnn", "rnn-rows", "wavenet")


@pytest.mark.parametrize("name", [name if name == "fvsbn" else pytest.param(name, marks=full) for name in SEQUENTIAL])
def test_steps_in_onnx_draw_the_sample_of_a_single_step_bit_for_bit(fitted, name, monkeypatch):
    ready = fitted(name)
    short = computations(ready.family, ready.transform)["generate"]
    monkeypatch.setattr("training.export.pieces.STEP_S", 10.0)
    single = computations(ready.family, ready.transform)["generate"]
    assert len(short.pieces.starts) > 1 == len(single.pieces.starts)
    samples = []
    for step in (short, single):
        runner = OnnxRunner(to_onnx(step, half_weights=False))
        arrays = [array.numpy() for array in step.example(19, torch.Generator().manual_seed(5))]
        for start in step.pieces.starts:
            sample, *states = runner(*arrays[:-1], np.asarray(start))
            arrays[-1 - len(states) : -1] = states
        samples.append(sample)
    assert len(np.unique(samples[0], axis=0)) > 1
    assert np.array_equal(*samples)


def test_samples_may_part_for_good_after_a_draw_on_the_threshold_but_not_often():
    want = np.zeros((8, 3000), np.uint8)
    once, often, late = want.copy(), want.copy(), want.copy()
    once[1, 2000:] = 9
    often[:3, ::50] = 9
    late[:, 2900:] = 9
    allowed = Tolerance(atol=1.0, rtol=0.0, mismatch=0.0005)
    assert _difference("generate.sample", want, once, allowed) == 0
    for wrong in (often, late):
        with pytest.raises(ExportError, match="differs from the model"):
            _difference("generate.sample", want, wrong, allowed)


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


def test_the_body_of_a_loop_names_no_file_either(fitted):
    ready = fitted("fvsbn")
    data = to_onnx(computations(ready.family, ready.transform)["generate"], half_weights=False)
    assert "Scan" in {node.op_type for node in onnx.load_from_string(data).graph.node}
    assert b"/training/" not in data
    assert b"site-packages" not in data


def test_counts_of_a_chain_are_looked_up_alike_in_both_formats():
    family = FAMILIES["markov"]
    model = family(Facts((6,), "levels", 3, end=0), family.Options(orders=(3,)))
    x = torch.randint(1, 3, (30, 6), generator=torch.Generator().manual_seed(0)).float()
    model.fit(x, x, seed=0)
    transform = Symbols(DataFacts("text", (6,), alphabet="ab"), Symbols.Options())
    for name, computation in computations(model.eval(), transform).items():
        check_parity(name, computation, OnnxRunner(to_onnx(computation, half_weights=False)))
        check_parity(name, computation, TorchScriptRunner(to_torchscript(computation)))


def test_an_impossible_item_is_equally_impossible_in_an_exported_graph(fitted):
    ready = fitted("markov-texts")
    score = computations(ready.family, ready.transform)["score"]
    run = TorchScriptRunner(to_torchscript(score))
    codes = np.zeros((2, *ready.transform.raw_shape), np.uint8)
    codes[1, 1] = 1  # a character after the end
    possible, impossible = run(codes)[0]
    assert np.isfinite(possible)
    assert impossible == -np.inf
    check_parity("score", score, run)
    with pytest.raises(ExportError, match="differs from the model"):
        check_parity("score", score, lambda *arrays: [np.nan_to_num(values) for values in run(*arrays)])


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
    exported = export(ready, lambda _: None)
    archive = golden(exported)
    arrays = np.load(io.BytesIO(archive), allow_pickle=False)
    session = onnxruntime.InferenceSession(exported.files["score.onnx"], providers=["CPUExecutionProvider"])
    feed = {item.name: arrays[f"score.in.{item.name}"] for item in session.get_inputs()}
    np.testing.assert_allclose(session.run(["log_prob"], feed)[0], arrays["score.out.log_prob"], rtol=1e-6)
    np.testing.assert_array_equal(feed["image"], ready.prepared.splits.test.x[:4])


def test_what_is_dequantised_is_not_completed():
    """A known level stands for an interval of x, and a sampler needs to know one of them."""
    family = FAMILIES["rnade"]
    model = family(Facts((1, 4, 4), "real"), family.Options(hidden=4, components=2)).eval()
    generate = computations(model, Dequantise(DataFacts("image", (4, 4, 1)), Dequantise.Options()))["generate"]
    assert {item.role for item in generate.inputs} == {"noise", "option", "state", "position"}


def test_work_per_row_is_counted():
    """A layer of products is 2 x inputs x units operations; what else is done comes on top."""
    family, (_, transform) = FAMILIES["made"], _made()
    facts = Facts((1, 8, 8), "binary", 2)
    models = [family(facts, family.Options(hidden=(units,), direct=False)) for units in (64, 128)]
    small, large = (computations(model, transform)["score"].mflop_per_row for model in models)
    products = 2 * 2 * 64 * 64 / 1e6  # into the layer and out of it
    assert products < small < 2 * products
    assert large - small > products
