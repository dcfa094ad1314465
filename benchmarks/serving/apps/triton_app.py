"""Triton through PyTriton: its front end and dynamic batcher in C++, the graph in Python; a model for each payload.

The wheel has only the Python back end, so this is not Triton's own back end for ONNX.
"""

import graph
import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

score_session = graph.session()


@batch
def from_numbers(image: np.ndarray) -> dict[str, np.ndarray]:
    """Log-densities of pixels, uint8 (batch, 28, 28, 1)."""
    return {"log_prob": np.asarray(graph.log_prob(score_session, image), np.float32)[:, None]}


@batch
def from_png(image: np.ndarray) -> dict[str, np.ndarray]:
    """Log-densities of PNG files in base64, bytes (batch, 1)."""
    return from_numbers.__wrapped__(np.stack([graph.from_png(text) for text in image[:, 0]]))


if __name__ == "__main__":
    config = ModelConfig(max_batch_size=graph.MAX_BATCH, batcher=DynamicBatcher())
    models = {
        "numbers": (from_numbers, Tensor(name="image", dtype=np.uint8, shape=(28, 28, 1))),
        "png": (from_png, Tensor(name="image", dtype=bytes, shape=(1,))),
    }
    where = TritonConfig(http_address="127.0.0.1", http_port=graph.PORT, allow_grpc=False, allow_metrics=False)
    with Triton(config=where) as triton:
        for name, (infer, image) in models.items():
            outputs = [Tensor(name="log_prob", dtype=np.float32, shape=(1,))]
            triton.bind(model_name=name, infer_func=infer, inputs=[image], outputs=outputs, config=config)
        triton.serve()
