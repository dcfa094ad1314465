"""What every peer's application shares: the score graph, and an item of the payload as pixels.

Only numpy, Pillow and ONNX Runtime, since each peer lives in an environment of its own. A careful programmer would
write the same functions beside any of these frameworks.
"""

import base64
import io
import os

import numpy as np
import onnxruntime
from PIL import Image

MAX_BATCH = 32  # for every framework that batches
PORT = int(os.environ["SERVING_PORT"])
THREADS = int(os.environ["SERVING_THREADS"])


def session() -> onnxruntime.InferenceSession:
    """The score graph, with one thread for each core of the server."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(os.environ["SERVING_GRAPH"], options, providers=["CPUExecutionProvider"])


def log_prob(graph: onnxruntime.InferenceSession, pixels: np.ndarray) -> list[float]:
    """Log-densities in nats of pixels, uint8 (batch, 28, 28, 1)."""
    return graph.run(["log_prob"], {"image": pixels})[0].tolist()


def decode(item: dict) -> np.ndarray:
    """The pixels of an item, uint8 (28, 28, 1), from numbers or from a PNG in base64."""
    if "array" in item:
        return np.asarray(item["array"], np.uint8).reshape(28, 28, 1)
    return from_png(item["image"])


def from_png(text: str | bytes) -> np.ndarray:
    """The pixels of a PNG in base64, uint8 (28, 28, 1)."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("L"))[..., None]
