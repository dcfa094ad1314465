"""What was needed for one large batch does not stay."""

from pathlib import Path

import numpy as np

from pofx.graphs.graph import Device
from pofx.graphs.memory import give_back
from pofx.graphs.onnx import OnnxGraph


def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) / 256


def test_the_memory_of_a_large_batch_is_given_back_and_results_stay(drafts):
    draft = drafts["implicit_image"]()
    spec = draft.graphs["generate"]
    graph = OnnxGraph(draft.files[spec.files["onnx"]], spec, Device())
    z = np.random.default_rng(0).normal(size=(400_000, 3)).astype(np.float32)
    give_back()
    before = resident_mib()
    first = graph.run({"z": z}, ("sample",))["sample"][:8].copy()
    held = resident_mib() - before
    give_back()
    assert resident_mib() - before < held / 10
    assert np.array_equal(first, graph.run({"z": z[:8]}, ("sample",))["sample"])
