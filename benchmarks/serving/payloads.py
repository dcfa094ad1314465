"""What every system is sent, and where its answer has the log-density."""

import base64
import io
import json
from typing import Literal, get_args

import numpy as np
from PIL import Image

from benchmarks.load.request import post

Payload = Literal["numbers", "png"]
PAYLOADS: tuple[Payload, ...] = get_args(Payload)
Dialect = Literal["items", "tensors"]  # a list of items as the service takes it, or the Open Inference Protocol


def request(dialect: Dialect, payload: Payload, image: np.ndarray) -> bytes:
    """A POST with one image, uint8 (28, 28, 1), as nested numbers or as a PNG in base64."""
    match dialect, payload:
        case "items", "numbers":
            return _post("/score", {"inputs": [{"array": image[..., 0].tolist()}]})
        case "items", "png":
            return _post("/score", {"inputs": [{"image": png(image)}]})
        case "tensors", "numbers":
            tensor = {"shape": [1, *image.shape], "datatype": "UINT8", "data": image.reshape(-1).tolist()}
        case "tensors", "png":
            tensor = {"shape": [1, 1], "datatype": "BYTES", "data": [png(image)]}
    return _post(f"/v2/models/{payload}/infer", {"inputs": [{"name": "image", **tensor}]})


def log_prob(body: bytes) -> float:
    """The log-density in an answer of any of the systems; raises ValueError where there is none."""
    match json.loads(body):
        case {"results": [{"log_prob": value}]} | {"log_prob": [value]} | [{"log_prob": value}]:
            return float(value)
        case {"outputs": [{"data": [value]}]}:
            return float(value)
    raise ValueError(f"expected one log_prob, got {body[:200]!r}")


def _post(path: str, content: object) -> bytes:
    return post(path, json.dumps(content).encode())


def png(image: np.ndarray) -> str:
    """An image, uint8 (28, 28, 1), as a PNG in base64."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0]).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
