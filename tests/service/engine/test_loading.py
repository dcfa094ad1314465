"""A bundle that is not what it says never becomes ready, and does not stop the others."""

import io

import numpy as np
import onnxruntime
import pytest
import torch

from pofx import bundle
from pofx.errors import CapabilityMissing, RequestInvalid, UnknownModel
from service.app import load_store, make_runtime
from service.engine.registry import Registry


def loaded(store, settings, **chosen):
    registry = Registry()
    look(registry, store, settings, **chosen)
    return registry


def look(registry, store, settings, **chosen):
    """Whether a look at the store changed anything."""
    found = settings(store=store.root, parallel_runs=1, **chosen)
    return load_store(found, registry, make_runtime(found))


@pytest.fixture
def fresh(tmp_path):
    return bundle.Store(tmp_path)


def spoil_golden(draft):
    draft.golden["score.out.log_prob"] = draft.golden["score.out.log_prob"] + 1


def lose_golden(draft):
    del draft.golden["score.out.log_prob"]


def nan_golden(draft):
    draft.golden["score.out.log_prob"] = np.full_like(draft.golden["score.out.log_prob"], np.nan)


def rename_sample(draft):
    draft.capabilities["generate"] = draft.capabilities["generate"].model_copy(update={"sample": "other"})


def unknown_statistic(draft):
    statistic = draft.capabilities["score"].statistics[0].model_copy(update={"name": "other"})
    draft.capabilities["score"] = draft.capabilities["score"].model_copy(update={"statistics": (statistic,)})
    draft.calibrate = lambda: draft.files.update({"calibration.npz": b""})


def wrong_dtype(draft):
    graph = draft.graphs["score"]
    outputs = (graph.outputs[0].model_copy(update={"dtype": "float64"}), *graph.outputs[1:])
    draft.graphs["score"] = graph.model_copy(update={"outputs": outputs})


def unsorted_calibration(draft):
    calibrate = draft.calibrate

    def backwards():
        calibrate()
        count = draft.capabilities["score"].calibration.n
        buffer = io.BytesIO()
        np.savez(buffer, log_prob=np.arange(count, 0, -1.0))
        draft.files["calibration.npz"] = buffer.getvalue()

    draft.calibrate = backwards


def only_torchscript(draft):
    files = {"torchscript": "score.ts"}
    draft.files["score.ts"] = b"not looked at"
    draft.graphs["score"] = draft.graphs["score"].model_copy(update={"files": files})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_golden, "score.out.log_prob"),
        (lose_golden, "score.out.log_prob"),
        (nan_golden, "score.out.log_prob"),
        (rename_sample, "other"),
        (unknown_statistic, "other"),
        (wrong_dtype, "double"),
        (unsorted_calibration, "ascending"),
        (only_torchscript, "SERVICE_ALLOW_TORCHSCRIPT"),
    ],
)
def test_a_spoiled_bundle_is_refused_and_the_others_serve(spoil, reason, fresh, drafts, settings):
    draft = drafts["exact_image"]()
    spoil(draft)
    draft.write(fresh)
    drafts["implicit_image"]().write(fresh)
    registry = loaded(fresh, settings)
    assert [model.manifest.name for model in registry.all()] == ["tiny-gan"]
    assert [item.name for item in registry.refused] == ["tiny-made"]
    assert reason in registry.refused[0].reason


def generate(**changes):
    def change(draft):
        draft.capabilities["generate"] = draft.capabilities["generate"].model_copy(update=changes)

    return change


def inputs(change):
    """Changes the conditions among the inputs of the generate graph."""

    def spoil(draft):
        graph = draft.graphs["generate"]
        changed = [change(item) if item.role == "condition" else item for item in graph.inputs]
        draft.graphs["generate"] = graph.model_copy(update={"inputs": tuple(filter(None, changed))})

    return spoil


def sequential(role, **changes):
    """Changes the inputs of that role of the generate graph."""

    def spoil(draft):
        graph = draft.graphs["generate"]
        changed = [item.model_copy(update=changes) if item.role == role else item for item in graph.inputs]
        draft.graphs["generate"] = graph.model_copy(update={"inputs": tuple(changed)})

    return spoil


def stepping_encoder(draft):
    position = bundle.PositionInput(name="position", dtype="int64", shape=())
    graph = draft.graphs["encode"]
    draft.graphs["encode"] = graph.model_copy(update={"inputs": (*graph.inputs, position)})


def conditioned_score(draft):
    label = bundle.ConditionInput(name="label", dtype="int64", shape=("batch",), of="label")
    draft.calibrate()
    draft.calibrate = lambda: None
    graph = draft.graphs["score"]
    draft.graphs["score"] = graph.model_copy(update={"inputs": (*graph.inputs, label)})


def other_sample(draft):
    graph = draft.graphs["generate"]
    outputs = tuple(item.model_copy(update={"dtype": "float32"}) for item in graph.outputs)
    draft.graphs["generate"] = graph.model_copy(update={"outputs": outputs})


def other_terms(draft):
    graph = draft.graphs["score"]
    outputs = (*graph.outputs[:-1], graph.outputs[-1].model_copy(update={"shape": ("batch", 7)}))
    draft.graphs["score"] = graph.model_copy(update={"outputs": outputs})


RASTER = bundle.KnownCondition(kind="raster")
OTHERS = "must take the conditions that are offered"


def label(*names):
    return bundle.LabelCondition.model_construct(labels=names)


def listed(*order, kind="listed"):
    return generate(conditions=(bundle.KnownCondition(kind=kind, order=order),))


@pytest.mark.parametrize(
    ("make", "spoil", "reason"),
    [
        ("labelled_image", generate(conditions=()), f"{OTHERS}, none, and no other, got label"),
        ("labelled_image", inputs(lambda item: None), f"{OTHERS}, label, and no other, got none"),
        ("labelled_image", inputs(lambda item: item.model_copy(update={"dtype": "uint8"})), "'label' to be int64"),
        ("labelled_image", generate(conditions=(RASTER,)), f"{OTHERS}, known, mask, and no other, got label"),
        ("labelled_image", other_sample, "'sample' to be uint8"),
        ("labelled_image", generate(method="sequential", positions=1, chunk=1), "expected states and one position"),
        ("walk", generate(method="direct", positions=None, chunk=None), "takes a state or a position"),
        ("walk", sequential("position", shape=("batch",)), "expected states and one position"),
        ("walk", sequential("position", dtype="float32"), "expected states and one position"),
        ("walk", sequential("state", shape=("batch", 1)), "'drawn' per row, and an output 'next_drawn' like it"),
        ("walk", sequential("state", name="other"), "an output 'next_other' like it"),
        ("walk", sequential("state", shape=(7,)), "'drawn' per row"),
        ("table", stepping_encoder, "encode: 'encode' takes a state or a position"),
        ("recording", generate(conditions=(RASTER, label("a"))), f"{OTHERS}, known, label, mask"),
        ("recording", generate(conditions=()), f"{OTHERS}, none"),
        ("recording", inputs(lambda item: item if item.of == "mask" else None), "got mask"),
        ("recording", inputs(lambda item: item.model_copy(update={"of": "mask"})), "the same condition twice"),
        ("recording", inputs(lambda item: item.model_copy(update={"shape": ("batch", 3)})), "'known' to be int16"),
        ("recording", listed(0, 1), "an order of 40 positions"),
        ("recording", listed(0, kind="raster"), "an order of 0 positions"),
        ("recording", conditioned_score, "one array of data, and no condition"),
        ("text", other_terms, "a dim_log_prob for every position"),
        ("lower_bound_image", other_terms, "a reconstruction_error for every position"),
    ],
)
def test_conditions_that_do_not_fit_are_refused(make, spoil, reason, fresh, drafts, settings):
    draft = drafts[make]()
    spoil(draft)
    draft.write(fresh)
    registry = loaded(fresh, settings)
    assert registry.all() == []
    assert reason in registry.refused[0].reason


def test_a_listed_order_is_accepted(fresh, drafts, settings):
    draft = drafts["recording"]()
    listed(*reversed(range(40)))(draft)
    draft.write(fresh)
    assert loaded(fresh, settings).refused == ()


def test_torchscript_is_served_once_it_is_allowed(fresh, drafts, settings):
    draft = drafts["table"]()
    weight = torch.from_numpy(draft.golden["encode.in.row"][:2].T.copy())

    class Encoder(torch.nn.Module):
        def forward(self, row):
            return row @ weight

    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(Encoder(), torch.zeros(2, 3)), buffer)
    draft.files["encode.ts"] = buffer.getvalue()
    draft.graphs["encode"] = draft.graphs["encode"].model_copy(update={"files": {"torchscript": "encode.ts"}})
    draft.golden["encode.out.embedding"] = draft.golden["encode.in.row"] @ weight.numpy()
    draft.write(fresh)
    assert "SERVICE_ALLOW_TORCHSCRIPT" in loaded(fresh, settings).refused[0].reason
    model = loaded(fresh, settings, allow_torchscript=True).find("tiny-table")
    assert model.graphs["encode"].graph.runtime == "torchscript"


def test_changed_bytes_are_refused(fresh, drafts, settings):
    written = drafts["exact_image"]().write(fresh)
    file = written.folder / "score.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert "SHA-256" in loaded(fresh, settings).refused[0].reason


def test_other_shared_noise_than_the_exporters_is_refused(fresh, drafts, settings):
    draft = drafts["lower_bound_image"]()
    draft.capabilities["score"] = draft.capabilities["score"].model_copy(update={"noise_seed": 5})
    draft.write(fresh)
    assert "seed 5" in loaded(fresh, settings).refused[0].reason


def test_a_missing_device_is_an_error_and_not_a_fallback(fresh, drafts, settings):
    drafts["implicit_image"]().write(fresh)
    registry = loaded(fresh, settings, device="cuda")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        assert {graph.graph.provider for graph in registry.find("tiny-gan").graphs.values()} == {
            "CUDAExecutionProvider"
        }
    else:
        assert "CUDA" in registry.refused[0].reason


def test_a_name_means_its_latest_version(fresh, drafts, settings):
    for _ in range(2):
        drafts["implicit_image"]().write(fresh)
    registry = loaded(fresh, settings)
    assert registry.find("tiny-gan").manifest.version == 2
    assert registry.find("tiny-gan:1").manifest.version == 1
    assert len(registry.meant()) == 1
    for wrong in ("tiny-gan:3", "nope", "../x", "tiny-gan:", "", "TINY"):
        with pytest.raises(UnknownModel):
            registry.find(wrong)


def test_the_only_capable_model_needs_no_name(fresh, drafts, settings):
    drafts["implicit_image"]().write(fresh)
    drafts["table"]().write(fresh)
    registry = loaded(fresh, settings)
    assert registry.choose(None, "score").manifest.name == "tiny-table"
    with pytest.raises(RequestInvalid) as several:
        registry.choose(None, "generate")
    assert several.value.extra["models_that_can"] == ["tiny-gan", "tiny-table"]
    with pytest.raises(CapabilityMissing) as cannot:
        registry.choose("tiny-gan", "score")
    assert cannot.value.extra["models_that_can"] == ["tiny-table"]


def test_what_appears_later_is_loaded_and_what_is_loaded_stays(fresh, drafts, settings):
    drafts["implicit_image"]().write(fresh)
    registry = loaded(fresh, settings)
    first = registry.find("tiny-gan")
    assert not look(registry, fresh, settings)
    drafts["implicit_image"]().write(fresh)
    drafts["table"]().write(fresh)
    assert look(registry, fresh, settings)
    assert [model.manifest.reference for model in registry.all()] == ["tiny-gan:1", "tiny-gan:2", "tiny-table:1"]
    assert registry.find("tiny-gan:1") is first


def test_a_refused_bundle_is_tried_again_only_when_its_files_change(fresh, drafts, settings):
    written = drafts["implicit_image"]().write(fresh)
    card = written.folder / "CARD.md"
    content = card.read_bytes()
    card.unlink()  # as if half copied
    registry = loaded(fresh, settings)
    refusal = registry.refused[0]
    assert not look(registry, fresh, settings)
    assert registry.refused[0] is refusal
    card.write_bytes(content)
    assert look(registry, fresh, settings)
    assert registry.refused == ()
    assert registry.find("tiny-gan").manifest.version == 1
