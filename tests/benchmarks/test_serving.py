"""Every system is sent the same pixels, and one that answers something else is not measured."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from benchmarks.load.measured import Load
from benchmarks.processes import CannotRun
from benchmarks.serving import agreement, payloads
from benchmarks.serving.results import Closed, Results, requests_per_s
from benchmarks.serving.systems import OURS, PLAIN, SYSTEMS
from benchmarks.table import Row, markdown

IMAGE = np.random.default_rng(0).integers(0, 256, (28, 28, 1), np.uint8)


def pixels(sent):
    (found,) = json.loads(sent.partition(b"\r\n\r\n")[2])["inputs"]
    match found:
        case {"array": numbers}:
            return np.array(numbers)
        case {"image": text} | {"datatype": "BYTES", "data": [text]}:
            return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
        case {"shape": shape, "datatype": "UINT8", "data": numbers}:
            return np.array(numbers).reshape(shape)


@pytest.mark.parametrize("payload", payloads.PAYLOADS)
@pytest.mark.parametrize("dialect", sorted({system.dialect for system in SYSTEMS}))
def test_every_request_holds_the_image(dialect, payload):
    assert (pixels(payloads.request(dialect, payload, IMAGE)).reshape(IMAGE.shape) == IMAGE).all()


@pytest.mark.parametrize(
    "body",
    [
        {"results": [{"log_prob": -1.5, "p_value": 1.0}]},
        {"log_prob": [-1.5]},
        [{"log_prob": -1.5}],
        {"outputs": [{"name": "log_prob", "data": [-1.5]}]},
    ],
)
def test_the_answer_of_every_system_is_compared_with_the_graph(body):
    content = json.dumps(body).encode()
    agreement.check_body(content, -1.5)
    with pytest.raises(CannotRun, match="the graph has"):
        agreement.check_body(content, -1.52)


@pytest.mark.parametrize("content", [b"{}", b'{"bytes": 3}', b'{"log_prob": [NaN]}'])
def test_an_answer_without_a_density_is_none(content):
    with pytest.raises(CannotRun):
        agreement.check_body(content, -1.5)


def load(per_s):
    return Load(per_s, 1.0, 2.0, errors=0, sample=b"", core_share=0.1)


def test_ratios_pair_the_rounds_and_a_capacity_is_the_best_median():
    results = Results()
    for turn, (ours, plain) in enumerate([(100, 50), (300, 100), (200, 0)]):
        results.add(OURS, "png", Closed(1), turn, load(ours))
        results.add(OURS, "png", Closed(16), turn, load(2 * ours))
        if plain:
            results.add(PLAIN, "png", Closed(1), turn, load(plain))
    assert results.ratios(OURS, PLAIN, "png", Closed(1), requests_per_s) == (2.0, 3.0)
    assert results.capacity(OURS, "png") == 400
    assert results.best_peer("png") is PLAIN


def test_the_table_has_a_cell_for_everything_measured_and_says_what_was_not():
    rows = [
        Row("a", (1.0, 3.0, 2.0), "requests/s", "as set", column="one"),
        Row("b", (5.0,), "requests/s", column="two"),
        Row("c: not measured", (), "", "needs what is not here"),
    ]
    text = markdown(rows)
    assert "| a | 2 (1–3) | – | as set |" in text
    assert "| b | – | 5 |  |" in text
    assert "| c: not measured | – |  |  | needs what is not here |" in text
