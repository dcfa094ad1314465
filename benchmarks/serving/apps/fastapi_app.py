"""What a careful programmer writes in ten minutes with FastAPI and ONNX Runtime, without batching.

A pydantic body, Pillow, one ``session.run`` per request in FastAPI's thread pool, a dict as answer. It does less than
the service (no calibration, no limits, no metrics) and computes the same log-density with the same graph.
"""

import graph
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Item(BaseModel):
    """One image, as a PNG in base64 or as numbers."""

    image: str | None = None
    array: list[list[int]] | None = None


class Request(BaseModel):
    """What /score is sent."""

    inputs: list[Item]


app = FastAPI()
score_session = graph.session()


@app.post("/score")
def score(request: Request) -> dict[str, list[float]]:
    """The log-density of every image."""
    pixels = [graph.decode(item.model_dump(exclude_none=True)) for item in request.inputs]
    return {"log_prob": graph.log_prob(score_session, np.stack(pixels))}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=graph.PORT, log_level="warning", access_log=False)
