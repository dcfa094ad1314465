"""The baseline: what a careful programmer writes in ten minutes with FastAPI and ONNX Runtime, without batching.

A pydantic body, Pillow, one ``session.run`` per request in FastAPI's thread pool, a dict as answer. It does less than
the service (no calibration, no limits, no metrics) and computes the same log-density with the same graph.
"""

import base64
import io
import os
from pathlib import Path

import numpy as np
from fastapi import FastAPI
from PIL import Image
from pydantic import BaseModel

from benchmarks.bundles import open_bundle, session


class Item(BaseModel):
    """One image, base64."""

    image: str


class Request(BaseModel):
    """What /score is sent; other fields are ignored."""

    inputs: list[Item]


app = FastAPI()
score_session = session(open_bundle(Path(os.environ["PLAIN_STORE"]), "mnist-made"), "score", threads=1)


@app.get("/ready")
def ready() -> dict[str, bool]:
    """200 once the model is loaded."""
    return {"ready": True}


@app.post("/score")
def score(request: Request) -> dict[str, list[float]]:
    """The log-density of every image."""
    arrays = [np.asarray(Image.open(io.BytesIO(base64.b64decode(item.image))).convert("L")) for item in request.inputs]
    log_prob = score_session.run(["log_prob"], {"image": np.stack(arrays)[..., None]})[0]
    return {"log_prob": log_prob.tolist()}
